-- The statements of the SQLite journal.

-- name: insert_cover
-- The single row that names a new journal.
INSERT INTO cover VALUES (1, ?, ?, ?, ?, ?, ?);

-- name: select_cover
-- The journal's name, birth, epoch, anchor and seal.
SELECT journal_id, created_time, epoch, anchor_seq, anchor_hash, seal FROM cover;

-- name: update_cover
-- Raise the epoch, or remember a head of the chain; does nothing for a writer whose epoch is over.
UPDATE cover SET epoch = ?, anchor_seq = ?, anchor_hash = ?, seal = ? WHERE epoch = ?;

-- name: select_epoch
-- The fence for transactions that carry no records.
SELECT epoch FROM cover;

-- name: insert_batch
-- One append. Inserts nothing if another writer has raised the epoch: that is the fence, and it is
-- part of the statement so that one statement is the whole transaction.
INSERT INTO batches
SELECT ?, ?, ?, ?, ?, ? FROM cover WHERE epoch = ?;

-- name: select_last_batches
-- The last two batches, newest first: the head, and what it must follow.
SELECT first_seq, count, epoch, format, records, hashes FROM batches
ORDER BY first_seq DESC LIMIT 2;

-- name: select_batch_with
-- The batch that holds a record, if the journal reaches that far.
SELECT first_seq, count, epoch, format, records, hashes FROM batches
WHERE first_seq <= ? ORDER BY first_seq DESC LIMIT 1;

-- name: select_batches_from
-- A page of batches, beginning with a number that starts one.
SELECT first_seq, count, epoch, format, records, hashes FROM batches
WHERE first_seq >= ? ORDER BY first_seq LIMIT ?;

-- name: select_hashes_from
-- A page of batches without their records, beginning with the one that holds a record.
SELECT first_seq, count, hashes FROM batches
WHERE first_seq >= (SELECT max(first_seq) FROM batches WHERE first_seq <= ?)
ORDER BY first_seq LIMIT ?;

-- name: select_head
-- The last batch without its records.
SELECT first_seq, count, substr(hashes, -32) FROM batches ORDER BY first_seq DESC LIMIT 1;

-- name: insert_ended
-- File an order that ended; a later end of the same order replaces the earlier one.
INSERT OR REPLACE INTO ended_orders VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: delete_ended
-- An ended order came back to life.
DELETE FROM ended_orders WHERE cl_ord_id = ?;

-- name: select_ended
-- One ended order.
SELECT cl_ord_id, seq, body, seal FROM ended_orders WHERE cl_ord_id = ?;

-- name: select_all_ended
-- Every ended order with its columns, to check them; in no order, so that nothing is sorted.
SELECT cl_ord_id, seq, body, seal, created_us, symbol, side FROM ended_orders;

-- name: count_ended
-- How many orders have ended.
SELECT count(*) FROM ended_orders;

-- name: list_ended
-- A listing, newest first; a bound or set that is NULL does not restrict.
SELECT cl_ord_id, seq, body, seal FROM ended_orders
WHERE (:after_us IS NULL OR created_us > :after_us)
  AND (:until_us IS NULL OR created_us < :until_us)
  AND (:symbols IS NULL OR symbol IN (SELECT value FROM json_each(:symbols)))
  AND (:side IS NULL OR side = :side)
ORDER BY created_us DESC, cl_ord_id DESC LIMIT :limit;

-- name: list_lately_ended
-- A page of ended orders, what was filed last first, behind the last one of the page before it.
SELECT cl_ord_id, seq, body, seal FROM ended_orders
WHERE (seq, cl_ord_id) < (?, ?)
ORDER BY seq DESC, cl_ord_id DESC LIMIT ?;

-- name: index_by_seq
-- For files made before this index was there; see the schema.
CREATE INDEX IF NOT EXISTS ended_orders_by_seq ON ended_orders (seq);

-- name: replace_snapshot
-- Keep this snapshot instead of the one before.
INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?, ?, ?);

-- name: select_snapshot
-- The snapshot, if there is one.
SELECT seq, hash, body, seal FROM snapshot;

-- name: begin
-- Take the write lock at once, so that no statement of ours fails half-way for want of it.
BEGIN IMMEDIATE;

-- name: begin_reading
-- Everything read until the end of the transaction is of one instant.
BEGIN;

-- name: commit
-- On return the transaction is on the disk.
COMMIT;

-- name: rollback
-- Nothing of the transaction happened.
ROLLBACK;

-- name: integrity_check
-- SQLite's own view of the file, the first complaint only. The quick check would not do: it does
-- not look into indexes, and a listing reads one.
PRAGMA integrity_check(1);
