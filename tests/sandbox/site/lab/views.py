"""What works, as JSON."""

import subprocess
import sys

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from lab import work


@require_safe
def works(_request: HttpRequest) -> JsonResponse:
    """Does the work of each package in this process; what fails is an error 500."""
    return JsonResponse({name: do() for name, do in work.ALL.items()})


@require_safe
def child(_request: HttpRequest) -> JsonResponse:
    """The same in a process of its own, which a site may start."""
    done = subprocess.run([sys.executable, "-c", "import numpy, PIL, cryptography; print('imported')"], capture_output=True, text=True, check=True)
    return JsonResponse({"child": done.stdout.strip()})
