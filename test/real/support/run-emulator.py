"""Runs ministack with what it lacks and a deployed Tollgate needs.

- A task's TimeoutSeconds may be a JSONata expression, by which the budgets' state machine waits until a period ends.
  TIMEOUT_SCALE shortens such timeouts, so that the end of a day comes within a minute.
- An alarm may be on several metrics: it is taken in, and, like all alarms there, never looked at.
"""

import os
import runpy

from ministack.services import stepfunctions
from ministack.services.cloudformation import provisioners

execute_task = stepfunctions._execute_task
alarm_record = provisioners._cw_metric_alarm_record
scale = float(os.environ.get("TIMEOUT_SCALE", "1"))
# In a period's last hours its end would come before anybody can approve.
SHORTEST_TIMEOUT_SECONDS = 40


def execute_task_with_timeout(state_def, raw_input, execution, ctx):
    timeout = state_def.get("TimeoutSeconds")
    if isinstance(timeout, str):
        seconds = stepfunctions._jsonata_state_field(state_def, "TimeoutSeconds", "number", raw_input, ctx)
        state_def = {**state_def, "TimeoutSeconds": max(seconds * scale, SHORTEST_TIMEOUT_SECONDS)}
    return execute_task(state_def, raw_input, execution, ctx)


def alarm_record_on_metrics(name, props):
    if props.get("Metrics"):
        props = {"Threshold": 0, **props, "Metrics": None, "MetricName": "Several", "Namespace": "Tollgate"}
    return alarm_record(name, props)


stepfunctions._execute_task = execute_task_with_timeout
provisioners._cw_metric_alarm_record = alarm_record_on_metrics
runpy.run_module("ministack", run_name="__main__")
