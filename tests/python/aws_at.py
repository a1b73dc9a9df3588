"""Runs the unmodified AWS CLI as on a host whose clock is off by some seconds.

    aws_at.py SECONDS ARGUMENT...

What comes behind the seconds are the CLI's own arguments. Only the clock that signatures are made with is
another one; everything else is the program `aws`.
"""

import datetime
import sys
from unittest import mock

from awscli.clidriver import main

off = datetime.timedelta(seconds=int(sys.argv[1]))


def now(*_, **__):
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + off


with mock.patch("botocore.auth.get_current_datetime", now):
    sys.argv[:2] = ["aws"]
    sys.exit(main())
