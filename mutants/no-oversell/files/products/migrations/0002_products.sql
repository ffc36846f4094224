create table products (
    seq         integer primary key,     -- the order of creation: "newest first" and the cursor of a page
    id          text not null unique,
    name        text not null,
    description text not null,
    words       text not null,           -- of name and description, as a search looks for them: see `searchable`
    price       integer not null check (price > 0), -- cents
    received    integer not null,
    available   integer not null,
    held        integer not null default 0 check (held >= 0),
    sold        integer not null default 0 check (sold >= 0),
    created_at  text not null,
    updated_at  text not null
) strict;

-- An index of `words`, which it reads from `products` itself (external content); the two triggers keep it true. The
-- tokenizer splits at spaces and no more: what a word is and which letters are the same, the shop decides alone.
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

-- Stock set aside for one order. A row stays when its units are sold and goes when they are given back.
create table holds (
    order_id   text not null,
    product_id text not null references products (id),
    quantity   integer not null check (quantity > 0),
    state      text not null check (state in ('held', 'sold')),
    primary key (order_id, product_id)
) strict, without rowid;
