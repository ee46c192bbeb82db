SELECT
    day,
    service,
    model,
    count(*) AS calls,
    sum(predicted_usd) AS predicted_usd,
    sum(cost_usd) AS settled_usd,
    sum(abs(cost_usd - predicted_usd)) AS off_usd,
    count(*) FILTER (WHERE cost_usd > predicted_usd) AS over
FROM analytics.calls
WHERE state = 'settled'
AND cost_usd > 0
AND predicted_usd IS NOT NULL
GROUP BY day, service, model
