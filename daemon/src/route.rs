//! Between the intake and the destinations: counts OTLP, lets the sampler decide, hands every block to
//! every destination.
//!
//! A block is shared, not copied, unless a document of it is left out. While neither OTLP nor a
//! sampling decision is to be looked for, no document is looked into.

use std::sync::Arc;

use crate::clock;
use crate::destination::Inbox;
use crate::documents::Documents;
use crate::flush::Flush;
use crate::intake::{Block, Intake};
use crate::log_limit::LogLimit;
use crate::metrics::{DestinationMetrics, Metrics, Rejected};
use crate::otlp::{self, OtlpError};
use crate::sampler::{Filtered, Sampler};
use crate::shutdown::{Phase, Watch};

/// The route stage.
pub(crate) struct Router {
    pub(crate) intake: Arc<Intake>,
    pub(crate) sampler: Arc<Sampler>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) destinations: Vec<(Arc<Inbox>, Arc<DestinationMetrics>)>,
    pub(crate) malformed: LogLimit,
    pub(crate) flush: Arc<Flush>,
}

impl Router {
    /// Runs until the daemon is draining and the intake is empty; then nothing comes any more.
    pub(crate) async fn run(self, watch: Watch) {
        loop {
            // Read first: what was offered before it was entered is then seen below.
            let is_draining = watch.has_reached(Phase::Draining);
            while let Some(block) = self.intake.pop() {
                self.route(block);
            }
            self.flush.note_moved();
            if is_draining {
                break;
            }
            tokio::select! {
                () = self.intake.arrival() => {}
                () = watch.reached(Phase::Draining) => {}
            }
        }
        for (inbox, _) in &self.destinations {
            inbox.close();
        }
    }

    fn route(&self, block: Block) {
        let came = block.documents().len();
        let block = self.without_bad_otlp(block);
        let block = self.sampled(block);
        let kept = block.documents().len();
        if kept > 0 {
            let block = Arc::new(block);
            for (inbox, metrics) in &self.destinations {
                metrics.held.add(kept);
                inbox.push(Arc::clone(&block));
            }
        }
        self.metrics.waiting.subtract(came);
    }

    fn sampled(&self, block: Block) -> Block {
        match self.sampler.filter(block.documents(), clock::timestamp()) {
            Some(Filtered { kept, sampled_out }) => {
                self.metrics.sampled_out.add(sampled_out);
                block.keep(kept)
            }
            None => block,
        }
    }

    /// OTLP bodies are checked and counted, and go on unchanged (`spec/daemon.md` section 15).
    fn without_bad_otlp(&self, block: Block) -> Block {
        let documents = block.documents();
        let begins_as_otlp = |document: &[u8]| document.starts_with(b"T1");
        if !documents.iter().any(begins_as_otlp) {
            return block;
        }
        let is_kept = |document: &&[u8]| match otlp::inspect(document) {
            Some(Ok(found)) => {
                self.metrics.otlp_documents.add(1);
                self.metrics.otlp_unsampled.add(usize::from(!found.sampled));
                self.metrics.otlp_spans.add(found.spans);
                true
            }
            Some(Err(error)) => {
                self.reject(error, document.len());
                false
            }
            None => true,
        };
        let kept: Documents = documents.iter().filter(is_kept).collect();
        if kept.len() == documents.len() {
            return block;
        }
        block.keep(kept)
    }

    fn reject(&self, error: OtlpError, bytes: usize) {
        let reason = match error {
            OtlpError::Base64 => Rejected::OtlpBase64,
            OtlpError::Protobuf => Rejected::OtlpProtobuf,
        };
        self.metrics.rejected(reason, 1);
        if let Some(suppressed) = self.malformed.admit(clock::now(), 1) {
            let reason = reason.label();
            tracing::warn!(reason, bytes, suppressed, "Datagram rejected");
        }
    }
}
