SELECT
    day,
    month,
    user_id,
    service,
    count(*) AS calls,
    count(DISTINCT request_id) AS requests,
    sum(cost_usd) AS cost_usd,
    COALESCE(sum(cost_usd) FILTER (WHERE waste IS NOT NULL), 0) AS wasted_usd
FROM analytics.calls
GROUP BY day, month, user_id, service
