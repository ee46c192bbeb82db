SELECT
    day,
    service,
    model,
    step,
    state,
    count(*) AS calls,
    count(DISTINCT request_id) AS requests,
    sum(cost_usd) AS cost_usd,
    COALESCE(sum(predicted_usd), 0) AS predicted_usd
FROM analytics.calls
GROUP BY day, service, model, step, state
