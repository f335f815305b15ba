//! What the system offers and no safe interface does: the only file with `unsafe` in it. It refuses to hold more than what the compiler
//! cannot check.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io;
use std::net::TcpListener;
use std::ptr::null_mut;
use std::sync::{Mutex, PoisonError};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Puts a listening socket into this thread's event loop, so that what it accepts is not there yet. A connection that was accepted by the event
/// loop's own listener would be: in that of a thread which may not be the one that serves it.
///
/// # Errors
/// The process is out of descriptors or memory.
pub fn watch(listener: TcpListener) -> io::Result<AsyncFd<TcpListener>> {
    // SAFETY: a `TcpListener` owns its descriptor, names the same one at all times, and closes it only when it is dropped.
    #[expect(unsafe_code, reason = "the compiler cannot see that the descriptor stays what it is")]
    let watched = unsafe { AsyncFd::register_with_interest(listener, Interest::READABLE) };
    Ok(watched?)
}

/// Has the system's allocator give large blocks back as soon as they are freed. Otherwise it takes the largest that was freed so far as a
/// sign that such blocks are needed, and keeps them: what readers of large reports once needed would be kept to the end.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe interface offers this setting")]
pub fn give_large_blocks_back() {
    use std::ffi::c_int;
    unsafe extern "C" {
        fn mallopt(setting: c_int, value: c_int) -> c_int;
    }
    /// Blocks of at least so many bytes come from the system and go back to it.
    const MMAP_THRESHOLD: c_int = -3;
    // SAFETY: the signature is that of the C library, whose allocator this target uses; the setting may be changed at any time.
    unsafe { mallopt(MMAP_THRESHOLD, 256 * 1024) };
}

/// Other allocators do so by themselves, or offer no such setting.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_large_blocks_back() {}

/// The system's allocator, but for blocks of the one kind that it wastes a third on: those of which every connection has two, its task and
/// its place in the event loop, which are aligned to pairs of cache lines.
///
/// They come from slabs that are kept for later connections. Its lock is taken for a connection, never for a request.
#[derive(Debug, Default)]
pub struct Blocks(Mutex<Free>);

/// Blocks that nobody uses: each holds the address of the next.
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
/// Blocks of a slab.
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

// SAFETY: the list only holds blocks that nobody else has, whichever thread they come from.
#[expect(unsafe_code, reason = "a raw pointer says nothing of who may use it")]
unsafe impl Send for Free {}

// SAFETY: what is no block is the system's throughout, told by its layout alone. Blocks are as large and aligned as what is asked for; one is
// in the list or in use, never both, since it leaves the list when it is given out and enters it when it is given back.
#[expect(unsafe_code, reason = "an allocator deals in raw memory")]
unsafe impl GlobalAlloc for Blocks {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_block(layout) {
            // SAFETY: what the caller promises is what the system wants.
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
                // SAFETY: there are so many blocks in the slab, and nobody else has them.
                unsafe {
                    let block = slab.add(index);
                    (&raw mut (*block).next).write(free.0);
                    free.0 = block;
                }
            }
        }
        let block = free.0;
        // SAFETY: it is in the list, so it is ours, and its first word is the address of the next.
        free.0 = unsafe { (&raw const (*block).next).read() };
        block.cast()
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if !is_block(layout) {
            // SAFETY: what is no block came from the system.
            return unsafe { System.dealloc(pointer, layout) };
        }
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let block = pointer.cast::<Block>();
        // SAFETY: it is a whole block that the caller gives up.
        unsafe { (&raw mut (*block).next).write(free.0) };
        free.0 = block;
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_block(layout) {
            // SAFETY: what the caller promises is what the system wants.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: the same, and a block that is there has so many bytes.
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
            // SAFETY: neither it nor what it becomes is a block.
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
