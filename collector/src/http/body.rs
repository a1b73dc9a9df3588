//! A request's body, as it was sent: read whole, in time, and as far as it may go.
//!
//! Signatures are over these bytes; [`encoding`] makes of them what operations read.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use radiograph_protocol::error::{ApiError, ApiErrorKind};
use radiograph_protocol::limits::REQUEST_BODY_BYTES_MAX;

use super::limits::{BODY_WITHIN, DISCARDED_BYTES_MAX};
use crate::metrics::Metrics;

pub(super) mod encoding;

/// The whole body, if it comes in time.
///
/// # Errors
/// `RequestTimeoutException` when it does not, `RequestEntityTooLarge` when it is larger than
/// [`REQUEST_BODY_BYTES_MAX`], `SerializationException` when it ends early.
pub(super) async fn read_in_time(body: Body, metrics: &Metrics) -> Result<Bytes, ApiError> {
    let reading = tokio::time::timeout(BODY_WITHIN, read(body, metrics));
    reading.await.map_err(|_| ApiError {
        kind: ApiErrorKind::RequestTimeout,
        message: format!(
            "request body did not arrive within {} s",
            BODY_WITHIN.as_secs()
        ),
    })?
}

/// The whole body. What is too large is read to its end and thrown away, as far as
/// [`DISCARDED_BYTES_MAX`]: a server that answers and closes while the client still writes resets the
/// connection, and the client never sees the answer.
async fn read(mut body: Body, metrics: &Metrics) -> Result<Bytes, ApiError> {
    let (mut whole, mut length) = (BytesMut::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ApiError {
            kind: ApiErrorKind::Serialization,
            message: "request body ended early".to_owned(),
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        length = length.saturating_add(data.len());
        metrics.body(data.len());
        if length <= REQUEST_BODY_BYTES_MAX {
            whole.extend_from_slice(&data);
        } else if length > DISCARDED_BYTES_MAX {
            break;
        } else {
            whole.clear();
        }
    }
    if length > REQUEST_BODY_BYTES_MAX {
        return Err(too_large(REQUEST_BODY_BYTES_MAX));
    }
    Ok(whole.freeze())
}

pub(super) fn too_large(bytes_max: usize) -> ApiError {
    ApiError {
        kind: ApiErrorKind::RequestEntityTooLarge,
        message: format!("request body is larger than {bytes_max} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::channel::Channel;

    use super::*;

    async fn outcome(body: Body) -> Result<Bytes, &'static str> {
        let read = read_in_time(body, &Metrics::default()).await;
        read.map_err(|error| error.name())
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_halfway_is_given_up() {
        let (mut sender, body) = Channel::<Bytes, std::io::Error>::new(1);
        sender.send_data(Bytes::from_static(b"{")).await.unwrap();
        assert_eq!(
            outcome(Body::new(body)).await,
            Err("RequestTimeoutException")
        );
        drop(sender);
    }

    #[tokio::test]
    async fn the_largest_body_is_read_and_one_byte_more_is_not() {
        let largest = vec![b' '; REQUEST_BODY_BYTES_MAX];
        let read = outcome(Body::from(largest.clone())).await.unwrap();
        assert_eq!(read.len(), REQUEST_BODY_BYTES_MAX);
        let more = [largest, vec![b' ']].concat();
        assert_eq!(
            outcome(Body::from(more)).await,
            Err("RequestEntityTooLarge")
        );
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_no_body() {
        let (sender, body) = Channel::<Bytes, std::io::Error>::new(1);
        sender.abort(std::io::Error::other("reset"));
        assert_eq!(
            outcome(Body::new(body)).await,
            Err("SerializationException")
        );
    }
}
