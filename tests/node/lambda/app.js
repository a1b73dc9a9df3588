// A function with the real X-Ray SDK: a subsegment around an HTTP call, and a way to fail.
const http = require('http');
const AWSXRay = require('aws-xray-sdk-core');

AWSXRay.captureHTTPsGlobal(http);

const get = (url) =>
  new Promise((resolve, reject) => {
    http.get(url, (answer) => answer.resume().on('end', resolve)).on('error', reject);
  });

exports.handler = (event) =>
  AWSXRay.captureAsyncFunc('## work', async (subsegment) => {
    try {
      subsegment.addAnnotation('kind', event.do || 'work');
      if (event.url) await get(event.url);
      if (event.do === 'raise') throw new TypeError('out of stock');
      return { header: process.env._X_AMZN_TRACE_ID, given: event };
    } finally {
      subsegment.close();
    }
  });
