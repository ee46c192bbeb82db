SELECT
    day,
    service,
    model,
    waste AS reason,
    count(*) AS calls,
    sum(cost_usd) AS cost_usd
FROM analytics.calls
WHERE waste IS NOT NULL
GROUP BY day, service, model, waste
