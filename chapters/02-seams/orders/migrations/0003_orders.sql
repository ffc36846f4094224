-- An order is one row. Its lines never change after stock is held, its history only grows, and neither is ever read
-- without it: so they are JSON, and to place an order is one insert where it would be four.
create table orders (
    id           text not null primary key, -- UUID version 7: ordered by time, so "newest first" is this column
    customer_id  text not null,             -- an account; accounts are another context's
    status       text not null,
    version      integer not null,          -- how many statuses it has had: the length of `history`
    reason       text,
    items        text not null check (json_valid(items)),   -- [{product_id, quantity, name, unit_price}]
    total        integer,                   -- cents; null until stock is held
    captured     integer not null,
    refunded     integer not null,
    decline_code text,
    history      text not null check (json_valid(history)), -- [{status, at}]
    created_at   text not null,
    expires_at   text
) strict;

create index orders_of_customer on orders (customer_id, id);
create index orders_to_expire on orders (expires_at) where status = 'awaiting_payment';

-- What the payment provider is asked. The row is committed before the call, and its id is the provider's
-- idempotency key: whatever happens to this process, the same question is asked again, never a new one.
create table payment_attempts (
    id              text not null primary key,
    order_id        text not null references orders (id),
    source          text not null,
    amount          integer not null,
    outcome         text check (outcome in ('succeeded', 'declined')), -- null until the provider has answered
    charge_id       text,
    attempts        integer not null,
    next_attempt_at text not null
) strict;

create index payment_attempts_open on payment_attempts (next_attempt_at) where outcome is null;
create unique index payment_attempts_one_at_a_time on payment_attempts (order_id) where outcome is null;
create unique index payment_attempts_one_success on payment_attempts (order_id) where outcome = 'succeeded';

create table refunds (
    id              text not null primary key,
    order_id        text not null unique references orders (id),
    charge_id       text not null,
    amount          integer not null,
    done            integer not null default 0 check (done in (0, 1)),
    attempts        integer not null,
    next_attempt_at text not null
) strict;

create index refunds_open on refunds (next_attempt_at) where done = 0;
