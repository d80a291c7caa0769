//! One thread, one seed, virtual time: runs every task of a simulated product in an order drawn from
//! the seed, and lets a day pass in a moment when nobody has anything to do.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use fastrand::Rng;
use futures::future::BoxFuture;
use roost::clock::{self, Timer};

/// Runs tasks. Clones share them.
#[derive(Clone)]
pub struct Executor(Arc<Parts>);

struct Parts {
    /// Virtual microseconds since the beginning.
    now: AtomicU64,
    random: Mutex<Rng>,
    /// A task that is being polled is not among them.
    tasks: Mutex<BTreeMap<usize, Task>>,
    spawned: AtomicUsize,
    ready: Arc<Mutex<Vec<usize>>>,
    timers: Mutex<Timers>,
    /// Whether the task that is being polled is to die when it yields.
    dies: AtomicBool,
    /// How long it is to stand still when it yields.
    freezes: Mutex<Option<(Duration, Waker)>>,
    /// A hash of every choice so far: equal for equal histories.
    trace: AtomicU64,
}

type Task = (BoxFuture<'static, ()>, Arc<Alarm>);

#[derive(Default)]
struct Timers {
    waiting: BinaryHeap<Reverse<(u64, u64)>>,
    wakers: BTreeMap<u64, Waker>,
    number: u64,
}

/// Puts its task back among those that can go on.
struct Alarm {
    task: usize,
    waiting: AtomicBool,
    ready: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        if self.waiting.swap(false, Ordering::Relaxed) {
            lock(&self.ready).push(self.task);
        }
    }
}

impl Executor {
    /// An executor whose choices follow from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Parts {
            now: AtomicU64::new(0),
            random: Mutex::new(Rng::with_seed(seed)),
            tasks: Mutex::default(),
            spawned: AtomicUsize::new(0),
            ready: Arc::default(),
            timers: Mutex::default(),
            dies: AtomicBool::new(false),
            freezes: Mutex::default(),
            trace: AtomicU64::new(0xcbf2_9ce4_8422_2325),
        }))
    }

    /// Starts a task.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let number = self.0.spawned.fetch_add(1, Ordering::Relaxed);
        let alarm =
            Arc::new(Alarm { task: number, waiting: AtomicBool::new(false), ready: self.0.ready.clone() });
        let task: Task = (Box::pin(task), alarm);
        lock(&self.0.tasks).insert(number, task);
        lock(&self.0.ready).push(number);
    }

    /// Ends the running task where it stands, as a crash does: nothing of it runs any more.
    pub fn crash(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.dies.store(true, Ordering::Relaxed);
        std::future::pending()
    }

    /// Stops the running task for so long, its timers included, as a machine does that stands still.
    pub async fn freeze(&self, time: Duration) {
        let mut frozen = false;
        std::future::poll_fn(move |context| {
            if std::mem::replace(&mut frozen, true) {
                return Poll::Ready(());
            }
            // The waker may be that of one future among many of the task.
            *lock(&self.0.freezes) = Some((time, context.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// A number below `bound`, from the seed.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        lock(&self.0.random).u64(..bound.max(1))
    }

    /// Fills bytes from the seed.
    pub fn fill(&self, bytes: &mut [u8]) {
        lock(&self.0.random).fill(bytes);
    }

    /// How long it has been running, in virtual time.
    #[must_use]
    pub fn passed(&self) -> Duration {
        Duration::from_micros(self.0.now.load(Ordering::Relaxed))
    }

    /// Waits in virtual time.
    #[must_use]
    pub fn sleep(&self, time: Duration) -> clock::Wait {
        let due = self.passed() + time;
        let due = u64::try_from(due.as_micros()).unwrap_or(u64::MAX);
        Box::pin(Wait { parts: self.0.clone(), due, number: None })
    }

    /// Lets time pass in which nobody does anything: whatever was due meanwhile happens at its end.
    pub fn leap(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(0);
        self.0.now.fetch_add(micros, Ordering::Relaxed);
    }

    /// Runs tasks until `done` says so or nobody can go on; whether `done` said so.
    pub fn run_until(&self, done: impl Fn() -> bool) -> bool {
        while !done() {
            if !self.step() {
                return done();
            }
        }
        true
    }

    /// Drops every task, and so whatever the tasks hold.
    pub fn end(&self) {
        let tasks = std::mem::take(&mut *lock(&self.0.tasks));
        drop(tasks);
    }

    /// The hash of every choice so far.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.0.trace.load(Ordering::Relaxed)
    }

    /// One task goes on; where none can, time passes until one may.
    fn step(&self) -> bool {
        let next = {
            let mut ready = lock(&self.0.ready);
            let count = ready.len();
            if count == 0 {
                None
            } else {
                // Whoever became ready first stands first: the choice is the seed's alone.
                let chosen = if count == 1 { 0 } else { self.below(count as u64) };
                Some(ready.swap_remove(usize::try_from(chosen).unwrap_or(0)))
            }
        };
        match next {
            Some(task) => self.poll(task),
            None => return self.ring(),
        }
        true
    }

    fn poll(&self, number: usize) {
        let Some((mut future, alarm)) = lock(&self.0.tasks).remove(&number) else { return };
        self.note(number as u64);
        alarm.waiting.store(true, Ordering::Relaxed);
        let waker = Waker::from(alarm.clone());
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        let dead = self.0.dies.swap(false, Ordering::Relaxed);
        let frozen = lock(&self.0.freezes).take();
        if let (true, false, Some((time, waker))) = (polled.is_pending(), dead, frozen) {
            // Whoever wakes it meanwhile finds nobody.
            let executor = self.clone();
            self.spawn(async move {
                executor.sleep(time).await;
                lock(&executor.0.tasks).insert(number, (future, alarm));
                lock(&executor.0.ready).push(number);
                waker.wake();
            });
        } else if polled.is_pending() && !dead {
            lock(&self.0.tasks).insert(number, (future, alarm));
        }
    }

    /// Lets time pass to the next timer.
    fn ring(&self) -> bool {
        loop {
            let mut timers = lock(&self.0.timers);
            let Some(Reverse((due, number))) = timers.waiting.pop() else { return false };
            let waker = timers.wakers.remove(&number);
            drop(timers);
            if let Some(waker) = waker {
                self.0.now.fetch_max(due, Ordering::Relaxed);
                self.note(due);
                waker.wake();
                return true;
            }
        }
    }

    fn note(&self, choice: u64) {
        let trace = self.0.trace.load(Ordering::Relaxed);
        self.0.trace.store((trace ^ choice).wrapping_mul(0x0100_0000_01b3), Ordering::Relaxed);
    }
}

impl Timer for Executor {
    fn passed(&self) -> Duration {
        Self::passed(self)
    }

    fn sleep(&self, time: Duration) -> clock::Wait {
        Self::sleep(self, time)
    }
}

/// A wait. Dropped, it is forgotten: time does not pass for it.
struct Wait {
    parts: Arc<Parts>,
    due: u64,
    number: Option<u64>,
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.parts.now.load(Ordering::Relaxed) >= self.due {
            return Poll::Ready(());
        }
        let parts = self.parts.clone();
        let mut timers = lock(&parts.timers);
        let number = self.number.unwrap_or_else(|| {
            timers.number += 1;
            let number = timers.number;
            timers.waiting.push(Reverse((self.due, number)));
            number
        });
        timers.wakers.insert(number, context.waker().clone());
        self.number = Some(number);
        Poll::Pending
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            lock(&self.parts.timers).wakers.remove(&number);
        }
    }
}

/// Tells everybody who waits that something has happened, in the order in which they came: the
/// runtime's own channels wake in an order of their own.
#[derive(Clone, Default)]
pub struct Bell(Arc<Mutex<Rung>>);

#[derive(Default)]
struct Rung {
    times: u64,
    waiting: Vec<Waker>,
}

impl Bell {
    /// It has happened.
    pub fn ring(&self) {
        let waiting = {
            let mut rung = lock(&self.0);
            rung.times += 1;
            std::mem::take(&mut rung.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// How often it has happened.
    #[must_use]
    pub fn times(&self) -> u64 {
        lock(&self.0).times
    }

    /// Waits until it has happened more often than `seen`.
    pub async fn after(&self, seen: u64) {
        std::future::poll_fn(|context| {
            let mut rung = lock(&self.0);
            if rung.times > seen {
                return Poll::Ready(());
            }
            rung.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bell({})", self.times())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Executor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Executor({:?})", self.passed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(seed: u64) -> (Vec<usize>, u64, Duration) {
        let executor = Executor::new(seed);
        let order = Arc::new(Mutex::new(Vec::new()));
        for number in 0..8 {
            let (one, order) = (executor.clone(), order.clone());
            executor.spawn(async move {
                one.sleep(Duration::from_secs(60 * (number as u64 % 3))).await;
                lock(&order).push(number);
                if number == 5 {
                    one.crash().await;
                }
                lock(&order).push(number + 100);
            });
        }
        executor.run_until(|| false);
        let order = lock(&order).clone();
        (order, executor.trace(), executor.passed())
    }

    #[test]
    fn a_seed_gives_one_order_and_a_crash_ends_one_task() {
        let (first, trace, passed) = order(7);
        assert_eq!((first.clone(), trace, passed), order(7));
        assert_eq!(passed, Duration::from_mins(2));
        assert!(first.contains(&5) && !first.contains(&105), "{first:?}");
        assert_eq!(first.len(), 15);
        assert!((0..20).any(|seed| order(seed).0 != first));
    }
}
