SELECT
    (min(request.finished_at) FILTER (WHERE request.delivered) AT TIME ZONE 'UTC')::date AS day,
    item.id AS item_id,
    item.user_id,
    item.style,
    item.format,
    item.duration_sec,
    count(*) AS requests,
    count(*) FILTER (WHERE request.delivered) AS deliveries,
    sum(request.calls) AS calls,
    sum(request.cost_usd) AS cost_usd,
    sum(request.predicted_usd) AS predicted_usd,
    sum(request.wasted_usd) AS wasted_usd
FROM content_items AS item
JOIN analytics.cost_by_request AS request ON request.item_id = item.id
GROUP BY item.id
HAVING bool_or(request.delivered)
