-- Dagster's own database, and a role that can reach nothing else: the UI and the daemon have no way to
-- the product's rows. Runs once, when the volume is empty.
\getenv password DAGSTER_POSTGRES_PASSWORD
CREATE ROLE dagster LOGIN PASSWORD :'password';
CREATE DATABASE dagster OWNER dagster;
REVOKE CONNECT ON DATABASE montage FROM PUBLIC;
