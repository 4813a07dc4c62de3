//! Memory pools. Freed memory is never kept, so a pool has nothing but its threshold.

use std::ffi::{c_int, c_void};

use crate::boundary::{In, Out};
use crate::device::device;
use crate::handles::{Handle, Kind, handle, parts};
use crate::session::{Session, session};
use crate::status::{Outcome, Status};

/// The pool that is always there.
const DEFAULT: Handle = handle(Kind::Pool, 0, 0);

/// Whether a pool is there.
///
/// # Errors
/// [`Status::INVALID_VALUE`].
pub fn known(session: &Session, pool: Handle) -> Outcome {
    if pool == DEFAULT { Ok(()) } else { session.pools.with(pool, |_| ()).map_err(|_| Status::INVALID_VALUE) }
}

/// `CU_MEMPOOL_ATTR_RELEASE_THRESHOLD`
const RELEASE_THRESHOLD: c_int = 4;

exports! {
    fn cuDeviceGetDefaultMemPool(pool: Out<Handle>, ordinal: c_int) {
        device(ordinal)?;
        pool.set(DEFAULT)
    }
    fn cuDeviceGetMemPool(pool: Out<Handle>, ordinal: c_int) {
        device(ordinal)?;
        pool.set(DEFAULT)
    }
    fn cuDeviceSetMemPool(ordinal: c_int, pool: Handle) {
        device(ordinal)?;
        parts(Kind::Pool, pool).map(|_| ())
    }
    fn cuMemPoolCreate(pool: Out<Handle>, properties: *const c_void) {
        let session = session()?;
        if properties.is_null() || pool.is_null() {
            return Err(Status::INVALID_VALUE);
        }
        pool.set(session.pools.insert(0))
    }
    fn cuMemPoolDestroy(pool: Handle) {
        session()?.pools.remove(pool).map(|_| ()).map_err(|_| Status::INVALID_VALUE)
    }
    fn cuMemPoolTrimTo(pool: Handle, keep: usize) {
        let _ = keep;
        known(&*session()?, pool)
    }
    fn cuMemPoolSetAttribute(pool: Handle, attribute: c_int, value: In<u64>) {
        let session = session()?;
        known(&session, pool)?;
        match attribute {
            // How freed memory may be used again. It never is: a later use is found.
            1..=3 => Ok(()),
            RELEASE_THRESHOLD => {
                let bytes = value.get()?;
                if pool != DEFAULT {
                    session.pools.with(pool, |threshold| *threshold = bytes)?;
                }
                Ok(())
            }
            _ => Err(Status::INVALID_VALUE),
        }
    }
    fn cuMemPoolGetAttribute(pool: Handle, attribute: c_int, value: Out<u64>) {
        let session = session()?;
        known(&session, pool)?;
        match attribute {
            RELEASE_THRESHOLD if pool == DEFAULT => value.set(0),
            RELEASE_THRESHOLD => value.set(session.pools.with(pool, |threshold| *threshold)?),
            _ => Err(Status::NOT_SUPPORTED),
        }
    }
}
