SELECT
    day,
    style,
    format,
    duration_sec,
    count(*) AS requests,
    count(*) FILTER (WHERE delivered) AS delivered,
    sum(calls) AS calls,
    sum(cost_usd) AS cost_usd,
    sum(wasted_usd) AS wasted_usd
FROM analytics.cost_by_request
GROUP BY day, style, format, duration_sec
