//! The API as its callers meet it: a real server on a free port of this machine, over a desk whose rollouts stand in a
//! real store, called over real sockets.

#![cfg(feature = "live")]
#![expect(unreachable_pub, reason = "helpers shared by the files of one test binary")]

mod client;
mod crashes;
mod desk;
mod docs;
mod events;
mod foreign;
mod hostile;
mod liar;
mod orders;
mod pushes;
mod reads;
mod rights;
mod tls;
mod world;
