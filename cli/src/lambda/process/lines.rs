//! One output of a process, read line by line into the log.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::net::unix::pipe::Receiver;
use tokio::sync::{mpsc, oneshot};

use crate::lambda::log::{Log, Source};

/// A longer line is cut in two, as Lambda does with events of its log.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// Reads of 8 KB in one go.
const READS_MAX: usize = 128;

/// The task that reads it.
#[derive(Debug)]
pub(super) struct Lines {
    flushes: mpsc::Sender<oneshot::Sender<()>>,
}

impl Lines {
    /// Begins to read.
    ///
    /// # Errors
    /// It is no pipe.
    pub(super) fn read(fd: OwnedFd, source: Source, log: Arc<Log>) -> io::Result<Self> {
        let pipe = Receiver::from_owned_fd(fd)?;
        let (flushes, asked) = mpsc::channel(1);
        let reader = Reader {
            pipe,
            source,
            log,
            line: Vec::new(),
        };
        tokio::spawn(reader.run(asked));
        Ok(Self { flushes })
    }

    /// Waits until what is in the pipe now is in the log, an unfinished line too.
    pub(super) async fn flush(&mut self) {
        let (done, is_done) = oneshot::channel();
        // when the task has ended there is nothing left in the pipe
        if self.flushes.send(done).await.is_ok() {
            drop(is_done.await);
        }
    }
}

struct Reader {
    pipe: Receiver,
    source: Source,
    log: Arc<Log>,
    line: Vec<u8>,
}

impl Reader {
    async fn run(mut self, mut asked: mpsc::Receiver<oneshot::Sender<()>>) {
        loop {
            tokio::select! {
                readable = self.pipe.readable() => {
                    if readable.is_err() || self.take().is_err() {
                        break;
                    }
                }
                flush = asked.recv() => {
                    let Some(done) = flush else {
                        // nobody is interested any more, but what was written is still shown
                        while self.pipe.readable().await.is_ok() && self.take().is_ok() {}
                        break;
                    };
                    let ended = self.take();
                    self.finish_line();
                    let _gone = done.send(());
                    if ended.is_err() {
                        break;
                    }
                }
            }
        }
        self.finish_line();
    }

    /// Everything that is in the pipe now.
    ///
    /// # Errors
    /// The pipe has ended.
    fn take(&mut self) -> io::Result<()> {
        let mut buffer = [0; 8192];
        // more than a pipe holds: one that is filled as fast as it is read must not hold everything up
        for _ in 0..READS_MAX {
            match self.pipe.try_read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.add(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn add(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(rest) => {
                    self.line.extend_from_slice(rest);
                    self.write();
                }
                None => self.line.extend_from_slice(part),
            }
            if self.line.len() >= LINE_BYTES_MAX {
                self.write();
            }
        }
    }

    fn finish_line(&mut self) {
        if !self.line.is_empty() {
            self.write();
        }
    }

    fn write(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.log.line(self.source, &String::from_utf8_lossy(&line));
    }
}
