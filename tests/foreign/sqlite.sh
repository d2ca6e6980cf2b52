# needs sqlite3:sqlite3
sqlite3 x.db '
    pragma journal_mode = wal;
    create table t(a, b);
    with recursive c(i) as (select 1 union all select i + 1 from c where i < 9000) insert into t select i, hex(i) from c;
    create index k on t(b);
    select count(*), max(b) from t where b like "3%";
    select nothing'
