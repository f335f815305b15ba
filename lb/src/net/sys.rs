//! System interfaces without a safe wrapper: the only file with `unsafe`. It contains only what the compiler
//! cannot check.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::net::TcpListener;
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Registers a listening socket with this thread's event loop. Connections accepted through tokio's own listener
/// would be registered with the loop of the accepting thread, which may not be the one that serves them.
///
/// # Errors
/// The process is out of descriptors or memory.
pub fn watch(listener: TcpListener) -> io::Result<AsyncFd<TcpListener>> {
    // SAFETY: a `TcpListener` owns its descriptor, names the same one at all times, and closes it only when it is dropped.
    #[expect(unsafe_code, reason = "the compiler cannot see that the descriptor stays what it is")]
    let watched = unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE) };
    Ok(watched?)
}

/// Makes the C library's allocator return large blocks to the system as soon as they are freed. By default it
/// raises its threshold to the largest block that was freed, and memory that large reports needed once is kept.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe interface offers this setting")]
pub fn give_large_blocks_back() {
    use std::ffi::c_int;
    unsafe extern "C" {
        fn mallopt(setting: c_int, value: c_int) -> c_int;
    }
    /// The `mallopt` parameter for the size from which blocks come from the system directly.
    const MMAP_THRESHOLD: c_int = -3;
    // SAFETY: the signature is that of the C library, whose allocator this target uses; the setting may be changed at any time.
    unsafe { mallopt(MMAP_THRESHOLD, 256 * 1024) };
}

/// Other allocators do this by themselves, or have no such setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_large_blocks_back() {}

/// The system's allocator, with slabs for one kind of block that it wastes a third on: every connection has two
/// (its task, its entry in the event loop) that are aligned to pairs of cache lines.
///
/// Freed blocks are kept for later connections. The lock is taken once a connection, never for a request.
#[derive(Debug, Default)]
pub struct Blocks(Mutex<Free>);

/// Free blocks, a linked list: each holds the address of the next.
#[derive(Debug)]
struct Free(*mut Block);

#[repr(C, align(128))]
#[derive(Debug)]
struct Block {
    next: *mut Block,
    _rest: [u8; BLOCK - size_of::<*mut Block>()],
}

const ALIGN: usize = 128;
const BLOCK: usize = 256;
/// Blocks in a slab.
const SLAB: usize = 64;

// === impl Blocks ===

impl Blocks {
    /// No block yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Free(null_mut())))
    }
}

impl Default for Free {
    fn default() -> Self {
        Self(null_mut())
    }
}

fn is_block(layout: Layout) -> bool {
    layout.align() == ALIGN && layout.size() <= BLOCK && layout.size() > BLOCK / 2
}

// SAFETY: the list only holds blocks that nothing else refers to, whichever thread they come from.
#[expect(unsafe_code, reason = "a raw pointer says nothing of who may use it")]
unsafe impl Send for Free {}

// SAFETY: whether memory is a block is decided by its layout alone; everything else goes to the system's
// allocator. Blocks have the size and alignment that is asked for. A block is either in the list or in use: it
// leaves the list when it is allocated and enters it when it is freed.
#[expect(unsafe_code, reason = "an allocator deals in raw memory")]
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_block(layout) {
            // SAFETY: the caller's promises are those that the system's allocator requires.
            return unsafe { System.alloc(layout) };
        }
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.0.is_null() {
            // SAFETY: the layout of an array of blocks is not empty.
            let slab = unsafe { System.alloc(Layout::new::<[Block; SLAB]>()) }.cast::<Block>();
            if slab.is_null() {
                return null_mut();
            }
            for index in 0..SLAB {
                // SAFETY: the slab has this many blocks, and nothing else refers to them.
                unsafe {
                    let block = slab.add(index);
                    (&raw mut (*block).next).write(free.0);
                    free.0 = block;
                }
            }
        }
        let block = free.0;
        // SAFETY: a block in the list is unused, and its first word is the address of the next.
        free.0 = unsafe { (&raw const (*block).next).read() };
        block.cast()
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !is_block(layout) {
            // SAFETY: it is not a block, so it came from the system.
            return unsafe { System.dealloc(pointer, layout) };
        }
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let block = pointer.cast::<Block>();
        // SAFETY: a whole block, which the caller gives up.
        unsafe { (&raw mut (*block).next).write(free.0) };
        free.0 = block;
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_block(layout) {
            // SAFETY: the caller's promises are those that the system's allocator requires.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: as in `alloc`; the block has this many bytes.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if layout.align() != ALIGN {
            // SAFETY: neither the old nor the new layout is a block.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        // SAFETY: the caller promises that the size is not zero and can be aligned so; the old memory has as many bytes as its layout says,
        // and is given up only when there is new memory.
        unsafe {
            let new = self.alloc(Layout::from_size_align_unchecked(size, ALIGN));
            if !new.is_null() {
                new.copy_from_nonoverlapping(pointer, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            new
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(unsafe_code, reason = "raw memory is what is tested")]
    fn blocks_are_apart_aligned_and_used_again() {
        let blocks = Blocks::new();
        for layout in [(256, 128), (192, 128), (256, 8), (128, 128), (300, 128)] {
            let layout = Layout::from_size_align(layout.0, layout.1).unwrap();
            // SAFETY: the layout is not empty; all that is written is within it; nothing is used after it was given back.
            let taken = || unsafe {
                let mut all: Vec<_> = (0..3 * SLAB).map(|_| blocks.alloc_zeroed(layout)).collect();
                for (index, pointer) in all.iter().enumerate() {
                    assert!(pointer.addr().is_multiple_of(layout.align()) && pointer.read() == 0);
                    pointer.write_bytes(u8::try_from(index).unwrap(), layout.size());
                }
                for (index, pointer) in all.iter().enumerate() {
                    assert_eq!(usize::from(pointer.add(layout.size() - 1).read()), index);
                }
                all.sort_unstable();
                all.iter().for_each(|pointer| blocks.dealloc(*pointer, layout));
                all
            };
            let (first, second) = (taken(), taken());
            assert!(!is_block(layout) || first == second, "{layout:?}");
        }
    }

    #[test]
    #[expect(unsafe_code, reason = "raw memory is what is tested")]
    fn what_grows_out_of_a_block_or_into_one_keeps_its_bytes() {
        let blocks = Blocks::new();
        let layout = |size| Layout::from_size_align(size, ALIGN).unwrap();
        // SAFETY: sizes are not zero; each address is used with the layout that it has.
        unsafe {
            let small = blocks.alloc(layout(100));
            small.write_bytes(7, 100);
            let block = blocks.realloc(small, layout(100), 200);
            let large = blocks.realloc(block, layout(200), 1000);
            assert_eq!((large.read(), large.add(99).read()), (7, 7));
            let block = blocks.realloc(large, layout(1000), 256);
            assert_eq!((block.read(), block.add(99).read()), (7, 7));
            blocks.dealloc(block, layout(256));
        }
    }
}
