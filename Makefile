# Shortstop: `make demo` shows it, `make test` checks it.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup hosts browser demo test lint unit app sanity importer molecule deploys mutants bench drill down trixie

PYTHON ?= python3
# The releases that scenarios run on; Ubuntu's images come from a registry: make molecule RELEASES="jammy noble"
export RELEASES ?= bookworm trixie
LINK := .ansible/collections/ansible_collections/shortstop/django
HOST := tests/host/host
DEMO := shortstop-demo
# Scenarios that take minutes, and belong to the drills: from a token to a page, what auditors say of a whole host, somebody else's project, and two hosts
# that share a database.
export LONG := audit consumer droplet two-hosts

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_HOME := $(CURDIR)/.ansible
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
export MOLECULE_GLOB := molecule/*/molecule.yml
export PY_COLORS := 0

help: ## list the commands
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

setup: .venv/.complete $(LINK) ## make all that the other commands need

.venv/.complete: requirements.txt app/requirements.txt app/tests/requirements.txt
	@echo "== Installing Ansible and the checks into .venv (a minute or two)"
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Shortstop needs Python 3.11 or newer; name one with make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --disable-pip-version-check --progress-bar off --requirement requirements.txt --requirement app/requirements.txt --requirement app/tests/requirements.txt
	touch $@

# The checkout is the installed collection: an edit is live, and nothing is copied.
$(LINK):
	mkdir -p $(@D)
	ln -s ../../../.. $@

hosts: setup
	@$(HOST) engine
	@for release in $(RELEASES); do \
	    $(HOST) build $$release; \
	    $(HOST) wheels $$release app/requirements.txt; \
	    $(HOST) wheels $$release app/tests/requirements.txt; \
	    $(HOST) wheels $$release tests/sandbox/site/requirements.txt; \
	    $(HOST) wheels $$release roles/django/files/tools.txt --no-deps; \
	done

# What the demo and the bench need.
trixie: setup
	@$(HOST) engine
	@$(HOST) build trixie
	@$(HOST) wheels trixie app/requirements.txt
	@$(HOST) wheels trixie roles/django/files/tools.txt --no-deps

demo: trixie ## from nothing to two served sites, in a local container
	@$(HOST) ensure $(DEMO) trixie 127.0.0.1:2222:22 127.0.0.1:8080:80 127.0.0.1:8443:443
	ansible-playbook -i inventories/demo site.yml
	@python tests/host/answers tatis.localhost:8443 lindor.localhost:8443

test: ## everything that CI checks
	+@tests/parts setup lint unit app sanity importer hosts molecule deploys

lint: setup ## what can be seen without running anything
	yamllint --strict .
	ruff check .
	ruff format --check .
	bandit --quiet --recursive app/games app/league app/tatis
	ansible-lint --offline --strict
	python tests/docs.py --check
	antsibull-changelog lint
	antsibull-changelog lint-changelog-yaml changelogs/changelog.yaml
	tests/workflows

unit: setup ## the contract, the plugins, the engine, the docs
	python -m pytest tests/unit

app: setup ## the bundled site
	cd app && python -m pytest --cov

sanity: setup ## ansible-test on the artifact that Galaxy would get
	tests/sanity

importer: setup ## what Galaxy itself asks of that artifact
	tests/importer

molecule: hosts ## the scenarios on fresh hosts; one with role=NAME
	tests/scenarios $(role)

deploys: hosts ## deploys under load, in their short form
	python -m pytest tests/deploy --short

# Drills look at pages with it; Playwright's own download is not needed.
browser: setup
	@command -v chromium >/dev/null || { echo "== Installing Debian's chromium"; apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium fonts-dejavu-core >/dev/null; }
	pip install --quiet --disable-pip-version-check --requirement tests/drill/requirements.txt

mutants: hosts ## what the scenarios notice, written to docs/mutants.md
	tests/mutants/run.py

bench: trixie ## seconds and requests a second beside plain shell scripts, 5 times each; one with measure=NAME, once with ROUNDS=1
	ROUNDS=$(ROUNDS) tests/bench/run.py $(measure)

drill: hosts browser mutants ## the long proofs
	python -m pytest tests/drill tests/deploy tests/abuse
	python -m pytest tests/attack
	WHOLE=1 tests/scenarios
	tests/scenarios $(LONG)

down: ## remove the containers
	@! docker info >/dev/null 2>&1 || $(HOST) stop-all
