create table products (
    seq         integer primary key,     -- the order of creation, used for "newest first" and for page cursors
    id          text not null unique,
    name        text not null,
    description text not null,
    words       text not null,           -- the normalised words of name and description: see `searchable`
    price       integer not null check (price > 0), -- cents
    received    integer not null,
    available   integer not null check (available >= 0),
    held        integer not null default 0 check (held >= 0),
    sold        integer not null default 0 check (sold >= 0),
    created_at  text not null,
    updated_at  text not null,
    check (received = available + held + sold)
) strict;

-- A full-text index of `words`. It stores no copy of the text (external content); the two triggers keep it up to date.
-- The tokenizer only splits at spaces, because the shop itself splits texts into words and folds their case.
create virtual table product_words using fts5 (
    words,
    content = 'products', content_rowid = 'seq',
    tokenize = 'ascii',
    prefix = '1 2 3'
);

create trigger product_words_insert after insert on products begin
    insert into product_words (rowid, words) values (new.seq, new.words);
end;

create trigger product_words_update after update of words on products begin
    insert into product_words (product_words, rowid, words) values ('delete', old.seq, old.words);
    insert into product_words (rowid, words) values (new.seq, new.words);
end;

-- The reservation of each order: see `Reservation`. Rows are never deleted.
create table reservations (
    order_id text not null primary key,
    state    text not null check (state in ('held', 'refused', 'sold', 'released')),
    reason   text check ((reason is null) = (state <> 'refused')),
    version  integer not null -- the number of replies so far; the version in the events
) strict, without rowid;

-- The lines of orders whose stock is held or sold, with the names and prices from when it was held.
create table holds (
    order_id   text not null references reservations (order_id) deferrable initially deferred,
    position   integer not null, -- of the line in the order
    product_id text not null references products (id),
    quantity   integer not null check (quantity > 0),
    name       text not null,
    price      integer not null, -- cents
    primary key (order_id, position)
) strict, without rowid;
