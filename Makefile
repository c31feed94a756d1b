# Each target does everything that a fresh machine needs: packaging/dev.py says how. ARGS goes to the job.
PYTHON ?= python3
ARGS ?=

.PHONY: demo test app lint soak clean
demo test app lint soak clean:
	@"$(PYTHON)" packaging/dev.py $@ $(ARGS)
