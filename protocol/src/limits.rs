//! Every documented limit of the X-Ray API and its documents, with its source.
//!
//! Limits that only protect AWS are looser here; those that clients rely on keep AWS's values
//! (`spec/api.md` section 9).

use std::ops::RangeInclusive;

/// Documents in one PutTraceSegments call (`spec/api.md` 3.1); beyond it the whole call is refused.
pub const DOCUMENTS_PER_CALL_MAX: usize = 50;

/// UTF-8 bytes of one document. AWS: 64 KB; ours is looser, since HTTP and TCP can carry more than a
/// datagram (`spec/segment-document.md` section 10).
pub const DOCUMENT_BYTES_MAX: usize = 1 << 20;

/// Bytes of a request body of the API (`spec/api.md` 3.1 asks for 8 MB).
pub const REQUEST_BODY_BYTES_MAX: usize = 8 << 20;

/// Levels of JSON nesting in a document, to protect the parser's stack
/// (`spec/segment-document.md` section 10).
pub const DOCUMENT_DEPTH_MAX: usize = 128;

/// Characters of a segment's name; longer ones are cut in everything derived
/// (`spec/segment-document.md` section 2).
pub const NAME_CHARS_MAX: usize = 200;

/// Different annotations (key, type, value) of a trace that are indexed
/// (`spec/traces-and-graph.md` section 4).
pub const ANNOTATIONS_INDEXED_MAX: usize = 50;

/// Characters of an indexed annotation's key (`spec/segment-document.md` section 6).
pub const ANNOTATION_KEY_CHARS_MAX: usize = 500;

/// Characters of an indexed annotation's text value (`spec/segment-document.md` section 6).
pub const ANNOTATION_VALUE_CHARS_MAX: usize = 1000;

/// Links of one segment that draw edges (`spec/segment-document.md` section 7).
pub const LINKS_PER_SEGMENT_MAX: usize = 20;

/// Links of one trace that draw edges (`spec/segment-document.md` section 7).
pub const LINKS_PER_TRACE_MAX: usize = 100;

/// Trace ids in one BatchGetTraces or GetTraceGraph call (`spec/api.md` 3.6, 3.7).
pub const TRACE_IDS_PER_CALL_MAX: usize = 5;

/// Characters of one trace id in a request (`spec/api.md` 3.6).
pub const TRACE_ID_CHARS: RangeInclusive<usize> = 1..=35;

/// Hours between StartTime and EndTime of a summary or graph query, unless configured otherwise
/// (`spec/api.md` 3.5, 3.8).
pub const QUERY_WINDOW_HOURS_DEFAULT: u32 = 6;

/// Periods that one page of GetTimeSeriesServiceStatistics covers (`spec/api.md` 4.1). Since the
/// operation has no six-hour limit, this is what bounds a page's memory: at most this many histograms.
pub const SERIES_PERIODS_PER_PAGE_MAX: i64 = 1000;

/// Seconds between StartTime and EndTime of GetTimeSeriesServiceStatistics. AWS reports no limit; 366
/// days is a year, and 528 pages at most: a client that asks from the epoch on by mistake gets a
/// sentence, not tens of thousands of empty pages.
pub const SERIES_WINDOW_SECONDS_MAX: i64 = 366 * 24 * 3600;

/// Characters of an EntitySelectorExpression (`spec/filter-expressions.md` section 7).
pub const ENTITY_SELECTOR_CHARS: RangeInclusive<usize> = 1..=500;

/// Characters of a filter expression (`spec/filter-expressions.md` section 1).
pub const FILTER_CHARS_MAX: usize = 8192;

/// Statistics documents in one GetSamplingTargets call (`spec/api.md` 3.4).
pub const STATISTICS_PER_CALL_MAX: usize = 25;

/// Characters of a sampling client's id, exactly (`spec/api.md` 3.4).
pub const CLIENT_ID_CHARS: usize = 24;

/// Characters of a sampling rule's or group's name (`spec/api.md` 3.3, 3.8).
pub const NAME_OF_RULE_OR_GROUP_CHARS: RangeInclusive<usize> = 1..=32;

/// Sampling rules besides the Default rule, unless configured otherwise (`spec/api.md` 4.2).
pub const SAMPLING_RULES_MAX_DEFAULT: u16 = 25;

/// The most that the number of sampling rules can be configured to: every client takes all of them in
/// one answer, and every report reads them.
pub const SAMPLING_RULES_MAX_MAX: u16 = 1000;

/// Priorities of sampling rules; the one above is the Default rule's (`spec/api.md` 3.3).
pub const RULE_PRIORITY: RangeInclusive<i64> = 1..=9999;

/// The rates a sampling rule or its boost may have (`spec/api.md` 3.3).
pub const SAMPLING_RATE: RangeInclusive<f64> = 0.0..=1.0;

/// The integers that all clients can read: some take 32 bits with a sign (`spec/api.md` 3.3).
pub const CLIENT_INTEGER: RangeInclusive<i64> = 0..=0x7fff_ffff;

/// Characters of a sampling rule's `ServiceName`, `ServiceType` and `Host` (`spec/api.md` 3.3).
pub const RULE_SERVICE_OR_HOST_CHARS_MAX: usize = 64;

/// Characters of a sampling rule's `HTTPMethod` (`spec/api.md` 3.3).
pub const RULE_METHOD_CHARS_MAX: usize = 10;

/// Characters of a sampling rule's `URLPath` (`spec/api.md` 3.3).
pub const RULE_PATH_CHARS_MAX: usize = 128;

/// Attributes of a sampling rule (`spec/api.md` 3.3).
pub const RULE_ATTRIBUTES_MAX: usize = 5;

/// Characters of the key and of the value of a sampling rule's attribute (`spec/api.md` 3.3).
pub const RULE_ATTRIBUTE_CHARS: RangeInclusive<usize> = 1..=32;

/// Characters of a group's ARN in a request (`spec/api.md` 3.8).
pub const GROUP_ARN_CHARS: RangeInclusive<usize> = 1..=400;

/// Groups besides the default one (`spec/api.md` 4.4).
pub const GROUPS_MAX: usize = 25;

/// Insights in one page of GetInsightSummaries (`spec/api.md` 4.6).
pub const INSIGHTS_PER_PAGE: RangeInclusive<i64> = 1..=100;

/// Events in one page of GetInsightEvents (`spec/api.md` 5).
pub const INSIGHT_EVENTS_PER_PAGE: RangeInclusive<i64> = 1..=50;

/// Characters of a token of GetInsightSummaries and GetInsightEvents (`spec/api.md` 4.6).
pub const INSIGHT_TOKEN_CHARS_MAX: usize = 2000;

/// States that GetInsightSummaries may be asked for at once (`spec/api.md` 4.6).
pub const INSIGHT_STATES_MAX: usize = 1;

/// Seconds that the StartTime of GetInsightSummaries may lie back: 30 days (`spec/api.md` 4.6).
pub const INSIGHT_AGE_SECONDS_MAX: i64 = 30 * 24 * 3600;

/// Tags of one group or sampling rule (`spec/api.md` 4.5).
pub const TAGS_PER_RESOURCE_MAX: usize = 50;

/// Tags or keys of tags in one call (`spec/api.md` 4.5).
pub const TAGS_PER_CALL_MAX: usize = 200;

/// Characters of the ARN of a tagged resource (`spec/api.md` 4.5).
pub const TAGGED_ARN_CHARS: RangeInclusive<usize> = 1..=1011;

/// Characters of a tag's key (`spec/api.md` 4.5).
pub const TAG_KEY_CHARS: RangeInclusive<usize> = 1..=128;

/// Characters of a tag's value (`spec/api.md` 4.5).
pub const TAG_VALUE_CHARS_MAX: usize = 256;

/// Characters of `EC2InstanceId` in PutTelemetryRecords (`spec/api.md` 3.2).
pub const INSTANCE_ID_CHARS_MAX: usize = 20;

/// Characters of `Hostname` in PutTelemetryRecords (`spec/api.md` 3.2).
pub const HOSTNAME_CHARS_MAX: usize = 255;

/// Characters of `ResourceARN` in PutTelemetryRecords and in a sampling rule (`spec/api.md` 3.2, 3.3).
pub const RESOURCE_ARN_CHARS_MAX: usize = 500;

/// Characters of `KeyId` in PutEncryptionConfig (`spec/api.md` 5).
pub const ENCRYPTION_KEY_CHARS: RangeInclusive<usize> = 1..=3000;

/// Characters of `SpansLogGroupKmsKeyId` in UpdateTraceSegmentDestination (`spec/api.md` 5).
pub const SPANS_KEY_CHARS: RangeInclusive<usize> = 1..=256;

/// Characters of a resource policy's name (`spec/api.md` 5).
pub const POLICY_NAME_CHARS: RangeInclusive<usize> = 1..=128;

/// Bytes of a resource policy (`spec/api.md` 5, 9).
pub const POLICY_BYTES_MAX: usize = 5 << 10;

/// Resource policies (`spec/api.md` 5, 9).
pub const POLICIES_MAX: usize = 5;

/// Characters of `NextToken` in ListResourcePolicies (`spec/api.md` 5).
pub const POLICIES_TOKEN_CHARS: RangeInclusive<usize> = 1..=100;

/// Trace ids in one StartTraceRetrieval call (`spec/api.md` 5.1).
pub const RETRIEVAL_TRACE_IDS_MAX: usize = 100;

/// Characters of a retrieval token (`spec/api.md` 5.1).
pub const RETRIEVAL_TOKEN_CHARS_MAX: usize = 1020;

/// Traces in one page of ListRetrievedTraces (`spec/api.md` 5.1).
pub const RETRIEVED_TRACES_PER_PAGE_MAX: usize = 5;

/// Segments or spans of one trace in one page of ListRetrievedTraces (`spec/api.md` 5.1).
pub const RETRIEVED_SPANS_PER_PAGE_MAX: usize = 100;

/// Nodes in one page of GetRetrievedTracesGraph (`spec/api.md` 5.1).
pub const RETRIEVED_SERVICES_PER_PAGE_MAX: usize = 1000;

/// Links of one node in GetRetrievedTracesGraph (`spec/api.md` 5.1).
pub const LINKS_PER_RETRIEVED_SERVICE_MAX: usize = 100;

/// Bytes of the largest datagram IPv6 can carry; no receive buffer needs more
/// (`spec/daemon.md` section 2.2).
pub const DATAGRAM_BYTES_MAX: usize = 65_536;
