# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  api_token:
    description:
      - The token that opens the account. The environment's C(DO_API_TOKEN) or C(DIGITALOCEAN_TOKEN) stands in for it.
      - It is in no message, on no command line and in no file.
    type: str
    required: true
  api_url:
    description:
      - Where the API is. The environment's C(DIGITALOCEAN_API_URL) stands in for it.
      - It must be C(https), but for a stand-in on this machine.
    type: str
    default: https://api.digitalocean.com
  request_timeout:
    description: How many seconds one answer may take.
    type: int
    default: 30
  wait_timeout:
    description:
      - How many seconds to wait for one thing, be it that what was asked for is done, or that the API takes requests again.
      - A line every few seconds tells what is waited for, and how long still.
    type: int
    default: 300
notes:
  - The work is done on the controller, whatever host the task is for. No host sees the token.
  - When the API asks to be left alone for a while (429), that is done. Where an answer is lost, reading, changing and removing are tried
    again. A thing is only made again once it has been looked for and not been found.
"""
