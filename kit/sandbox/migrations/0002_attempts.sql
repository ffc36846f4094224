-- The number of requests with this key, including those that were refused or failed.
alter table charges rename column asked to attempts;
