-- Messages to publish. Each is written in the transaction of the change that it reports, and deleted when the stream has stored it.
create table outbox (
    seq              integer primary key, -- one transaction writes at a time, so this is the order of the changes
    id               text not null unique,
    aggregate_id     text not null,
    subject          text not null,
    message          text not null check (json_valid(message)), -- the envelope, as it is on the wire
    claimed_by       text, -- the relay that is publishing it
    lease_expires_at text  -- after this time any relay may claim it again: the one that did has died
) strict;

create index outbox_of_aggregate on outbox (aggregate_id, seq);

-- The ids of processed messages. Each is written in the transaction of the effect of its message, so that a duplicate delivery has
-- no second effect.
create table inbox (
    message_id   text not null primary key,
    processed_at text not null
) strict, without rowid;

create index inbox_by_age on inbox (processed_at);
