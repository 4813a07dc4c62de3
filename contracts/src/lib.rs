//! The contract language: what a contract may say, how it is read, and what is wrong with one.
//!
//! A contract is a YAML file that declares claims, and for each claim the falsifier that tries to
//! refute it. This crate reads contracts, gates, and waivers with positions ([`load`]), holds them to
//! a closed schema, and lints them ([`lint()`]). It executes nothing and knows no registry: the names
//! of models, stages, kinds, and mutants come in as a [`Vocabulary`].
//!
//! It may depend on no other crate of this workspace.
//!
//! | module | what it holds |
//! |---|---|
//! | `model`, `ids`, `tolerance`, `date` | the contract as types |
//! | `kinds` | the parameters of each falsifier kind |
//! | `gates`, `waivers` | the two other kinds of file |
//! | `parse`, `span` | YAML with positions |
//! | `fix` | edits that are certain to be what was meant |
//! | `shown` | text from files as it may be shown |
//! | `schema` | the JSON Schemas, and their errors as findings |
//! | `load`, `partial` | folders to files to contracts, and what is left of a broken one |
//! | `lint` | the rules, each with a page |
//!
//! ```
//! let loaded = contracts::load(&["does/not/exist".into()]);
//! assert!(loaded.contracts.is_empty());
//! assert_eq!(loaded.findings[0].code, "PV001");
//! ```

mod date;
mod finding;
pub mod fix;
mod gates;
mod ids;
pub mod kinds;
pub mod lint;
mod load;
mod model;
pub mod parse;
mod partial;
pub mod schema;
pub mod shown;
pub mod span;
mod suggest;
mod tolerance;
mod vocabulary;
mod waivers;

pub use date::{Date, DateError};
pub use finding::{Finding, Place, Secondary, Severity};
pub use fix::{Edit, Fix};
pub use gates::{Gate, Level, Requires};
pub use ids::{ArithmeticName, ClaimId, GateId, Lane, Tier};
pub use kinds::{Falsifier, KINDS, KindInfo, ModelSet, NeedsTolerance};
pub use lint::{RULES, Rule, lint};
pub use load::{FileKind, Loaded, LoadedContract, LoadedGate, LoadedWaiver, SourceFile, load};
pub use model::{
    Amendment, Contract, ContractKind, Equation, FalsificationTest, ImplementationStage, Metadata,
    ObligationKind, ProofObligation, QaGate, StageStatus,
};
pub use suggest::nearest;
pub use tolerance::Tolerance;
pub use vocabulary::{KindEntry, MutantEntry, StaleEvidence, Vocabulary};
pub use waivers::{Waiver, Waivers};
