-- An order is one row. Its lines do not change after stock is held, its history only grows, and both are only read
-- together with the order. So they are JSON columns, and placing an order is one insert instead of four.
create table orders (
    id           text not null primary key, -- UUID version 7: ordered by time, so it sorts "newest first"
    customer_id  text not null,             -- the id of an account in the context `users`; so no foreign key
    status       text not null,
    version      integer not null,          -- the number of statuses so far: the length of `history`
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

-- Requests to the payment provider. A row is committed before its request is sent, and its id is the idempotency key of
-- the request. So after a crash the same request is sent again, never a new one.
create table payment_attempts (
    id              text not null primary key,
    order_id        text not null references orders (id),
    source          text not null,
    amount          integer not null,
    outcome         text check (outcome in ('succeeded', 'declined')), -- null while it is unknown
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
