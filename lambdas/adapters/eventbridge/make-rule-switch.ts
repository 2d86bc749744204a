import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge';
import type { ProbeSchedule } from '../../core/probe/probe-circuits.ts';

export interface RuleSwitchOptions {
  /** Of the SDK's client; the function's own region, role and endpoint unless given. */
  client?: { region?: string; endpoint?: string; credentials?: { accessKeyId: string; secretAccessKey: string } };
  /** Name of the rule, on the default bus. */
  rule: string;
}

const ATTEMPTS = 5;

/** A schedule that is an EventBridge rule: started when enabled. Rejects with the SDK's error when EventBridge says no or nothing. */
export const makeRuleSwitch = ({ client: options = {}, rule }: RuleSwitchOptions): ProbeSchedule => {
  const client = new EventBridgeClient({ ...options, maxAttempts: ATTEMPTS });
  return {
    start: async () => void (await client.send(new EnableRuleCommand({ Name: rule }))),
    stop: async () => void (await client.send(new DisableRuleCommand({ Name: rule }))),
  };
};
