"""Random traces, hostile on purpose: everything that senders were seen to do, and then some.

The same seed gives the same documents. What the specification leaves open is not generated: numbers
that no double holds, ids in upper case, and one text of a subsegment embedded below two parents.
"""

import json
import random

BEGIN = 1_700_000_040  # a full minute
SPAN = 600  # seconds in which traces begin
NAMES = ["front", "back", "shop", "auth", "größe/名前", "a.b:c%&#=+\\-@", "long" * 60]
ORIGINS = ["AWS::ECS::Container", "AWS::EC2::Instance", "AWS::Lambda", "client::Synthetics", "made up"]
ACCOUNTS = ["111122223333", "444455556666"]
ARN = "arn:aws:lambda:us-east-1:111122223333:function:resize"
REFERENCE = "aws.xray.reserved.reference_type"
AWS_CALLS = [
    ("dynamodb", {"operation": "PutItem", "table_name": "signups"}),
    ("DynamoDB", {"operation": "BatchGetItem", "table_names": ["carts"]}),
    ("AmazonDynamoDBv2", {"operation": "BatchGetItem", "table_names": ["a", "b"]}),
    ("DynamoDB", {"table_name": "without operation"}),
    ("Amazon S3", {"operation": "GetObject", "bucket_name": "photos", "account_id": "444455556666"}),
    ("S3", {"operation": "ListBuckets"}),
    ("sqs", {"operation": "SendMessage", "queue_url": "https://sqs.test/1/jobs", "queue_name": "jobs"}),
    ("SQS", {"operation": "SendMessage", "queue_name": "jobs"}),
    ("SNS", {"operation": "Publish", "topic_arn": "arn:aws:sns:us-west-2:111122223333:new"}),
    ("AWSLambda", {"operation": "Invoke", "function_name": "resize"}),
    ("Lambda", {"operation": "Invoke", "resource_names": ["shrink"]}),
    ("ssm", {"operation": "GetParameter"}),
    ("AWS", {"operation": "Anything"}),
    ("Amazon  Kinesis Firehose", {"operation": "PutRecord"}),
    ("Rekognition", {"operation": "DetectFaces", "resource_names": ["face"]}),
]
ODD_TYPES = {
    "http": [
        *(5, "GET", [], {"request": 1, "response": []}),
        *({"response": {"status": "500"}}, {"response": {"status": 500.0}}),
    ],
    "aws": [[], "aws", {"ec2": "i-1", "ecs": []}, {"account_id": 7, "table_name": 5}],
    "error": ["true", 1, None],
    "fault": ["true", {}, None],
    "throttle": [1],
    "annotations": ["x", [1], {"list": [1], "null": None, "map": {}}, {"k" * 501: 1, "long": "ü" * 1001}],
    "user": [5, ["u"], None],
    "origin": [7, None, {}, ""],
    "namespace": [3, None, "local", "other"],
    "sql": ["select", 5],
    "cause": ["0123456789abcdef", {"id": "0123456789abcdef", "exceptions": []}, {"exceptions": "x"}],
    "metadata": [5, "x", {"default": {"1.7E9": 1.7e9, "deep": [[[{}]]]}}],
    "links": [{}, "x", [5, {"trace_id": 1}, {"id": "x"}]],
    "resource_arn": [5],
    "subsegments": ["x", {}, 7],
    "inferred": [True],
    "precursor_ids": ["x", []],
    "traced": ["true", 1],
}
REFUSED = [
    "not json",
    '{"id":"00000000000000a1"}',
    '{"name":"x","id":"xyz","trace_id":"1-6553f128-0000000000000000000000ff","start_time":1,"end_time":2}',
    '{"name":"x","id":"00000000000000a2","trace_id":"6553f128","start_time":1,"end_time":2}',
    '{"name":"x","id":"00000000000000a3","trace_id":"1-6553f128-0000000000000000000000ff","start_time":"1"}',
    '{"name":"x","id":"00000000000000a4","trace_id":"1-6553f128-0000000000000000000000ff","start_time":1}',
    '{"name":"x","id":"00000000000000a5","trace_id":"1-6553f128-0000000000000000000000ff","start_time":1,'
    '"in_progress":false}',
    '{"name":"x","id":"00000000000000a5","trace_id":"1-6553f128-0000000000000000000000ff","start_time":1,'
    '"end_time":2,"in_progress":true}',
    '{"name":"x","id":"0000000000000000","trace_id":"1-6553f128-0000000000000000000000ff","start_time":1,'
    '"end_time":2}',
    "[]",
    "5",
    '{"name":"x","id":"00000000000000a6","trace_id":"1-6553f128-0000000000000000000000ff","start_time":1,'
    '"end_time":2,"type":"subsegment"}',
    '{"name":"x","id":"00000000000000a7","trace_id":"1-6553f128-0000000000000000000000ff","start_time":1,'
    '"end_time":2,"type":"span"}',
    '{"name":"x","id":"00000000000000a8","trace_id":"1-6553f128-0000000000000000000000ff","start_time":1,'
    '"end_time":2,"subsegments":[{"name":"y","id":"00000000000000a9","start_time":1}]}',
]


class _Number(float):
    """A number with the spelling it is written in."""

    def __new__(cls, text):
        made = super().__new__(cls, text)
        made.text = text
        return made


def documents(seed, count):
    """`count` traces and some texts that are refused, in a random order of arrival."""
    rng = random.Random(seed)
    texts, known = [], []
    for number in range(count):
        made = _Trace(rng, number, known)
        made.grow()
        known += made.ids
        texts += made.texts()
    texts += REFUSED
    rng.shuffle(texts)
    return texts


def text_of(value):
    """JSON; numbers keep the spelling they were made with."""
    # json writes a float by float.__repr__, whatever its class says
    if isinstance(value, _Number):
        return value.text
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{text_of(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


class _Trace:
    def __init__(self, rng, number, known):
        self.rng = rng
        self.id = f"1-{BEGIN + number:08x}-{rng.getrandbits(96):024x}"
        self.known = known  # (trace id, id) of entities of earlier traces
        self.ids = []
        self.out = []
        self.is_hostile = rng.random() < 0.6

    def chance(self, probability):
        return self.rng.random() < probability

    def odd(self, probability):
        return self.is_hostile and self.chance(probability)

    def new_id(self):
        made = f"{self.rng.getrandbits(64) | 1:016x}"
        self.ids.append((self.id, made))
        return made

    def time(self, micros):
        """Epoch seconds in one of the spellings senders use."""
        whole, part = divmod(micros, 1_000_000)
        plain = f"{whole}.{part:06d}"
        spellings = [plain, plain.rstrip("0").rstrip("."), f"{plain[0]}.{plain[1:].replace('.', '')}E9"]
        if self.odd(0.1):
            # as Python and Node write a double
            return _Number(repr(float(plain + str(self.rng.randrange(10)))))
        return _Number(self.rng.choice(spellings))

    def grow(self):
        rng = self.rng
        begin = (BEGIN + rng.randrange(SPAN)) * 1_000_000 + rng.randrange(1_000_000)
        if self.chance(0.1):
            begin -= begin % 60_000_000
        for _ in range(rng.choice([1, 1, 1, 2])):
            length = rng.choice([0, 1_500, 90_000, 700_000, 5_000_000, 45_000_000, 130_000_000])
            length = rng.randint(0, length)
            if self.chance(0.1):
                self.lambda_pair(begin, length)
            elif self.chance(0.1):
                self.lambda_orphans(begin, length)
            else:
                self.segment(None, begin, length, 0)
        if self.is_hostile:
            for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
                rng.choice([self.circle, self.fight, self.lose, self.rehang])()

    def lambda_pair(self, begin, length):
        service = self.segment(None, begin, length, 9)
        service.update(name="resize", origin="AWS::Lambda", resource_arn=ARN)
        function = self.segment(service["id"], begin + length // 3, length // 2, 1)
        function.update(name="resize", origin="AWS::Lambda::Function", aws={"account_id": ACCOUNTS[0]})
        start = self.entity("Initialization", begin - 2_000, length // 4)
        function.setdefault("subsegments", [])
        if isinstance(function["subsegments"], list):
            function["subsegments"].append(start)

    def lambda_orphans(self, begin, length):
        missing = f"{self.rng.getrandbits(64) | 1:016x}"
        for _ in range(self.rng.randint(1, 3)):
            call = self.subsegment(begin, length, 1)
            if self.chance(0.6):
                call["aws"] = {**AWS_CALLS[0][1], "function_arn": ARN + self.rng.choice(["", ":7"])}
            elif self.chance(0.5):
                call["resource_arn"] = self.rng.choice([ARN, "arn:aws:sqs:us-east-1:1:jobs", "x"])
            self.out.append({**call, "type": "subsegment", "trace_id": self.id, "parent_id": missing})

    def entity(self, name, start, length):
        made = {"id": self.new_id(), "name": name, "start_time": self.time(start)}
        if self.chance(0.08) and self.is_hostile:
            made["in_progress"] = True
        else:
            length = -length if self.odd(0.04) else length
            made["end_time"] = self.time(start + length)
            if self.chance(0.1):
                made["in_progress"] = False
        return made

    def segment(self, parent, begin, length, depth):
        rng = self.rng
        made = self.entity(rng.choice(NAMES[: 7 if self.is_hostile else 4]), begin, length)
        made["trace_id"] = self.id.upper().replace("X", "x") if self.odd(0.05) else self.id
        if parent:
            made["parent_id"] = parent
        if self.chance(0.5):
            made["origin"] = rng.choice(ORIGINS[: 5 if self.is_hostile else 3])
        aws = {}
        if self.chance(0.2):
            aws["account_id"] = rng.choice(ACCOUNTS)
        if self.chance(0.2):
            zone = rng.choice("abc")
            aws["ec2"] = {"instance_id": f"i-{zone}", "availability_zone": f"us-east-1{zone}"}
        if self.chance(0.1):
            aws["ecs"] = {"container": "c", "availability_zone": "eu-west-1b"}
        if aws:
            made["aws"] = aws
        if self.chance(0.2):
            made["user"] = rng.choice(["u-1", "u-2", "jürgen"])
        if self.chance(0.1):
            made["resource_arn"] = rng.choice([ARN, "arn:aws:states:us-east-1:1:x"])
        if self.odd(0.05):
            made.update(type="segment", namespace=rng.choice(["aws", "remote"]))
        if self.odd(0.1):
            made["parent_id"] = f"{rng.getrandbits(64) | 1:016x}"
        self.decorate(made, True)
        self.hang(made, begin, length, depth)
        self.out.append(made)
        return made

    def subsegment(self, begin, length, depth):
        rng = self.rng
        start = begin + (0 if self.chance(0.1) else rng.randint(0, max(1, length)))
        if self.odd(0.1):
            start += rng.randint(-3_000_000, 3_000_000)
        share = rng.random() if self.chance(0.5) else 0.9
        length = int(max(0, begin + length - start) * share)
        made = self.entity("work", start, length)
        kind = rng.choice(["local", "remote", "sql", "aws", "aws"])
        if kind == "remote":
            made.update(name=rng.choice(["back.internal", "geo.example.net", "back"]), namespace="remote")
        elif kind == "sql":
            sql = {"url": "postgresql://db1/orders", "sanitized_query": "select 1"}
            made.update(name="orders@db1", namespace="remote", sql=sql)
        elif kind == "aws":
            name, aws = rng.choice(AWS_CALLS)
            made.update(name=name, namespace="aws", aws=dict(aws))
            if self.chance(0.1):
                made["aws"]["account_id"] = rng.choice(ACCOUNTS)
        if kind != "local" and self.odd(0.1):
            made["traced"] = True
        if self.chance(0.1):
            made.update(type="subsegment", trace_id=self.id, parent_id="00000000000000ff")
            made.setdefault("namespace", "local")
        self.decorate(made, False)
        self.hang(made, start, length, depth + 1)
        if made.get("namespace") in ("aws", "remote") and depth < 4 and self.chance(0.35):
            for _ in range(rng.choice([1, 1, 1, 2, 3])):
                self.segment(made["id"], start + rng.randint(-500, 2_000), int(length * 0.8), depth + 2)
        return made

    def hang(self, made, begin, length, depth):
        """Subsegments below an entity, embedded or streamed."""
        for _ in range(self.rng.choice([0, 1, 2, 3]) if depth < 4 else 0):
            below = self.subsegment(begin, length, depth)
            if self.chance(0.25):
                sent = {"type": "subsegment", "trace_id": self.id, "parent_id": made["id"]}
                self.out.append({**below, **sent})
            else:
                if not isinstance(made.get("subsegments"), list):
                    made["subsegments"] = []
                made["subsegments"].append(below)

    def decorate(self, made, is_segment):
        rng = self.rng
        if self.chance(0.6):
            status = rng.choice([200, 200, 200, 204, 301, 400, 404, 429, 499, 500, 503, 599, 600])
            request = {"method": "GET", "url": f"http://{made['name'][:20]}/x?y=1"}
            if is_segment and self.chance(0.5):
                request.update(user_agent="curl/8.5.0", client_ip="203.0.113.7")
            if not is_segment and self.odd(0.1):
                request["traced"] = True
            made["http"] = {"request": request, "response": {"status": status, "content_length": "12"}}
        for flag in ("error", "throttle", "fault"):
            if self.chance(0.08):
                made[flag] = not self.odd(0.2)
        if self.chance(0.15):
            exceptions = [{"id": "00000000000000ee", "type": "KeyError", "message": "sku"}, {"id": 5}]
            made["cause"] = {"exceptions": exceptions[: rng.randint(0, 2)] + (["x"] if self.odd(0.1) else [])}
        if self.chance(0.25):
            values = ["gold", "7", 7, 7.0, 7.25, -1, True, False, "ü", "", None, [1]]
            keys = rng.sample(["plan", "k.2", "ключ", "n"], rng.randint(1, 3))
            made["annotations"] = {key: rng.choice(values) for key in keys}
            if self.odd(0.1):
                made["annotations"].update({f"many{n:03d}": n % 7 for n in range(60)})
        if self.chance(0.15) and self.known:
            count = rng.choice([20, 21, 30]) if self.odd(0.3) else rng.randint(1, 2)
            made["links"] = [self.link() for _ in range(count)]
        if self.odd(0.15):
            name = rng.choice(sorted(ODD_TYPES))
            made[name] = rng.choice(ODD_TYPES[name])

    def link(self):
        trace_id, linked = self.rng.choice(self.known[-200:] + self.ids)
        made = {"trace_id": trace_id, "id": linked}
        if self.odd(0.1):
            made["trace_id"] = "1-00000000-000000000000000000000000"
        kind = self.rng.choice(["parent", "parent", "child", None, {}])
        if kind is not None:
            made["attributes"] = {REFERENCE: kind} if isinstance(kind, str) else kind
        return made

    def circle(self):
        """A segment called from below itself, or one that says it called itself."""
        segments = [d for d in self.out if d.get("type") != "subsegment"]
        if segments:
            self.rng.choice(segments)["parent_id"] = self.rng.choice(self.ids)[1]

    def rehang(self):
        """A streamed subsegment under any other id, its own included."""
        streamed = [d for d in self.out if d.get("type") == "subsegment"]
        if streamed:
            self.rng.choice(streamed)["parent_id"] = self.rng.choice(self.ids)[1]

    def lose(self):
        if len(self.out) > 1:
            self.out.remove(self.rng.choice(self.out))

    def fight(self):
        """Another version of a document: unfinished, other values, or of the other kind."""
        if not self.out:
            return
        version = dict(self.rng.choice(self.out))
        kind = self.rng.randrange(4)
        if kind == 0:
            version.pop("end_time", None)
            version.update(in_progress=True)
            version.pop("subsegments", None)
        elif kind == 1 and "end_time" in version:
            later = int(float(version["end_time"]) * 1_000_000) + self.rng.choice([-700, 0, 1_000])
            version.update(name="other", end_time=self.time(later))
            below = version.get("subsegments")
            version["subsegments"] = below[:1] if isinstance(below, list) else []
        elif kind == 2:
            version.update(type="subsegment", parent_id=self.rng.choice(self.ids)[1], name="as a subsegment")
        else:
            version.update(name="other", user="u-3", id=self.rng.choice(self.ids)[1])
            # of equal texts below two parents the specification does not say which speaks
            version.pop("subsegments", None)
        self.out.append(version)

    def texts(self):
        texts = [text_of(document) for document in self.out]
        for place, text in enumerate(texts):
            if self.odd(0.03):
                texts[place] = '{"user":"lost","name":"lost",' + text[1:]
        repeated = [text for text in texts if self.chance(0.05)]
        return texts + repeated
