//! dhow moves tables as Arrow record batches through SQL models and proves that every row arrived
//! exactly once.
//!
//! # Words
//!
//! A [`Pipeline`](config::Pipeline) is what the user wrote: sources, models, checks and sinks. A
//! [`Connector`](connectors::Connector) is a value that says how to open a
//! [`Source`](source::Source), somewhere rows can be read, or a [`Sink`](sink::Sink), somewhere
//! they can be written. Opening a source freezes it into a [`Snapshot`](source::Snapshot): equal
//! ids, equal rows. A [`Split`](source::Split) is a part of a snapshot that can be read alone, and
//! again. A model is a `SELECT` in a file, and a check is one that must return no rows.
//!
//! A [`Plan`](plan::Plan) is what a run will do, as data. A [`Load`](sink::Load) is one intended
//! change of one table. Each part of it that is staged is answered by a [`Receipt`](sink::Receipt);
//! when it is published, it leaves a [`Mark`](sink::Mark) in the target, together with the rows.
//! The [`Ledger`](state::Ledger) keeps receipts, marks and watermarks between processes. What
//! happens in a run is told as an [`Event`](event::Event), and what goes wrong is an
//! [`Error`](error::Error), whose [`Kind`](error::Kind) says who must act.
//!
//! # A run
//!
//! ```text
//! file ──config──▶ Pipeline ──engine::World::open──▶ snapshots, sinks, SQL session
//!                                   │
//!                                  Facts ──plan──▶ Plan ──▶ shown: `dhow plan` ends here
//!                                                   │
//!                    for each load, in engine::load │
//!   freeze ──▶ stage: Split ──session──▶ batches ──▶ Sink::write ──▶ Receipt ──▶ Ledger
//!          ──▶ commit: Sink::commit(receipts) ──▶ Mark ──▶ Ledger
//! ```
//!
//! [`config`] reads text and finds every mistake that can be known without looking at the world.
//! The engine opens what the pipeline names, freezes the sources and asks the targets. [`plan`]
//! turns these facts into steps, without any I/O. [`engine::run`] takes the steps: checks that stop
//! come before anything is written. Where each row of a result comes from one row of a source, a
//! load is staged split by split, and a split that has a receipt is never read again; otherwise
//! it is staged whole. Rows come out of [`transform`], in streams that share one budget of [`memory`];
//! where nothing is done to those of a source, the sink is offered them as their server sends them
//! ([`source::Verbatim`]).
//!
//! # Exactly once
//!
//! Seven rules make a load that was killed anywhere and run again leave the same rows as one that
//! was left in peace:
//!
//! | rule | kept by |
//! |---|---|
//! | 1. The mark goes in with the rows, in one step. | each [`Sink`](sink::Sink); contract, promise 3 |
//! | 2. `commit` returns the mark that is in the target; the ledger copies it. | `engine/load.rs`, [`Ledger::publish`](state::Ledger::publish) |
//! | 3. Every write stages in a place of its own; commit publishes only what receipts name. | each sink; promises 2 and 3 |
//! | 4. Receipts belong to a snapshot, and are forgotten before what they name is removed. | [`Ledger::record`](state::Ledger::record), [`Ledger::staged`](state::Ledger::staged) |
//! | 5. A resumed load stays on its snapshot or starts over. | [`Ledger::freeze`](state::Ledger::freeze) |
//! | 6. The window is closed before the first row is read. | each [`Source`](source::Source) |
//! | 7. A lease keeps two processes off one pipeline; the others hold without it. | [`Lease`](state::Lease) |
//!
//! The tests of the engine kill loads between any two steps (the points are named in [`faults`]),
//! and take each of rules 1 to 6 away once to see that its loss is found.
//!
//! # Layers
//!
//! Below, modules stand from top to bottom, and each imports only from those below it. Connectors
//! do not know each other. DataFusion is named in [`transform`] alone, only [`cli`] prints, and
//! only the engine's task of a split tries again; what an object store asks to be sent once more,
//! because it is busy, [`stores`] sends a few times. `tests/architecture.rs` holds all this.
//!
//! # Where to start
//!
//! Read [`error`], [`source`] and [`sink`]: they are the contract. `connectors/memory` is the
//! shortest connector that keeps it, and `engine/load.rs` is the protocol. To add a connector, make
//! a folder under `connectors`, name its value in [`connectors::ALL`], and run the tests.

pub mod cli;
pub mod engine;
pub mod transform;
pub mod plan;
pub mod connectors;
pub mod files;
pub mod stores;
pub mod network;
pub mod ndjson;
pub mod state;
pub mod config;
pub mod event;
pub mod sink;
pub mod source;
pub mod memory;
pub mod faults;
pub mod error;
