import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { App, Stack, Validations } from 'aws-cdk-lib';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { AiGateway } from '../../lib/ai-gateway.ts';
import { cachedDeployable } from '../support/cached-deployable.ts';
import { DEPLOYABLE } from '../support/deployable.ts';

/** Rules that the report of a synth names as broken; undefined where the synth passed. */
const findingsOf = (fill: (stack: Stack) => void): string[] | undefined => {
  const outdir = mkdtempSync(join(tmpdir(), 'tollgate-nag-'));
  try {
    const app = new App({ outdir, context: { ...cdkJson.context, 'aws:cdk:bundling-stacks': [] } });
    fill(new Stack(app, 'Tollgate'));
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    try {
      app.synth();
      return undefined;
    } catch {
      const report = readFileSync(join(outdir, 'validation-report.json'), 'utf8');
      return [...new Set(report.match(/AwsSolutions-[A-Z]+\d+/g))].sort();
    }
  } finally {
    rmSync(outdir, { recursive: true, force: true });
    // A failed validation asks the process to fail; here it is what was asked for.
    process.exitCode = 0;
  }
};

describe("cdk-nag's AwsSolutions rules", () => {
  test('pass, but for what is acknowledged with its reason', () => {
    expect(findingsOf((stack) => void new AiGateway(stack, 'Gateway', { config: DEPLOYABLE }))).toBeUndefined();
  });

  test.each([
    ['on a domain of its own', cachedDeployable()],
    [
      'on a domain that is there',
      cachedDeployable({
        endpoint: 'https://search.example.com',
        arn: 'arn:aws:es:eu-central-1:444455556666:domain/search',
      }),
    ],
  ])('pass with the semantic cache %s', (_, config) => {
    expect(findingsOf((stack) => void new AiGateway(stack, 'Gateway', { config }))).toBeUndefined();
  });

  test('do look: a bucket beside the gateway is found', () => {
    const findings = findingsOf((stack) => {
      new AiGateway(stack, 'Gateway', { config: DEPLOYABLE });
      new Bucket(stack, 'Careless');
    });
    expect(findings).toContain('AwsSolutions-S1');
  });
});
