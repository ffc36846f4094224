-- Messages to publish, each written in the transaction of the change that it tells of, and deleted when the stream has it.
create table outbox (
    seq          integer primary key, -- one transaction writes at a time: the order of the rows is that of the changes
    id           text not null unique,
    aggregate_id text not null,
    subject      text not null,
    message      text not null check (json_valid(message)), -- the envelope, as it will be on the wire
    owner        text, -- the relay that is publishing it …
    owned_until  text  -- … unless it has died: then any other may
) strict;

create index outbox_of_aggregate on outbox (aggregate_id, seq);

-- Messages that were handled, each noted in the transaction of its effect: it may come again, and has no second effect.
create table inbox (
    message_id text not null primary key,
    handled_at text not null
) strict, without rowid;

create index inbox_by_age on inbox (handled_at);
