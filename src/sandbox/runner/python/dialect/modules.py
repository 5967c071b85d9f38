# What notebooks' commands need of Python's library.

import ast
import inspect
import re
import resource
import shlex
import string
import subprocess
import timeit
