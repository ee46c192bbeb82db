SELECT
    day,
    service,
    model,
    count(*) AS reuses,
    sum(saved_usd) AS saved_usd
FROM analytics.calls
WHERE saved_usd IS NOT NULL
GROUP BY day, service, model
