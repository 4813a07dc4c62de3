//! `bar.arrive`: what a warp did before it arrived is ordered before what others do after the barrier; what it does while
//! they still wait is not (PTX ISA 9.0, section 9.7.13.1).

use super::Block;
use super::clocks::bits;

impl Block {
    /// A warp arrives at a barrier and does not wait.
    pub fn arrive(&mut self, warp: u32, number: u32) {
        let Some(know) = self.clocks.knowledge(warp).cloned() else { return };
        let time = self.clocks.time(warp);
        self.clocks.arrivals.retain(|arrival| (arrival.0, arrival.1) != (number, warp));
        self.clocks.arrivals.push((number, warp, time, know));
        self.clocks.tick(warp);
    }

    /// A barrier of this number completes: [`Block::barrier`], with the warps that did not wait as they were when they
    /// arrived. A fence after the arrival still counts as one before it.
    pub fn opens(&mut self, number: u32, arrived: u32, released: u32) {
        let mut now = Vec::new();
        let arrivals = std::mem::take(&mut self.clocks.arrivals);
        for (barrier, warp, time, know) in arrivals {
            if barrier != number {
                self.clocks.arrivals.push((barrier, warp, time, know));
            } else if bits(arrived & !released).any(|other| other == warp) {
                now.extend(self.clocks.exchange(warp, (time, know)).map(|now| (warp, now)));
            }
        }
        self.barrier(arrived, released);
        for (warp, now) in now {
            self.clocks.exchange(warp, now);
            self.clocks.tick(warp);
        }
    }
}
