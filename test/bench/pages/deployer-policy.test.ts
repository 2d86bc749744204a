import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { deployerPolicy, type HandlerPermissions, type Policy, typesOf } from '../../../bench/pages/deployer-policy.ts';
import { describedResources, fullResources } from '../../../bench/pages/template.ts';

const folder = mkdtempSync(join(tmpdir(), 'tollgate-pages-'));
const [base, full] = [typesOf(describedResources(folder)), typesOf(fullResources(folder))];
rmSync(folder, { recursive: true, force: true });
const read = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
const permissions = read<HandlerPermissions>('bench/pages/handler-permissions.json');
const policy = read<Policy>('docs/deployer-policy.json');
const options = read<Policy>('docs/deployer-policy-options.json');

describe('the deployer’s policy', () => {
  test('covers every resource type of the template (npm run docs:policy)', () => {
    expect(policy).toEqual(deployerPolicy(base, permissions));
  });

  test('and with its second part everything that can be asked for: domain, firewall, told alarms', () => {
    const more = full.filter((type) => !base.includes(type));
    expect(options).toEqual(deployerPolicy(more, permissions, { isAddition: true }));
  });

  test('fits into one managed policy each: 6,144 characters without white space', () => {
    for (const one of [policy, options]) expect(JSON.stringify(one).length).toBeLessThan(6_144);
  });

  test('has no wildcard action, and stars as resource only for what AWS can’t narrow', () => {
    const statements = [...policy.Statement, ...options.Statement];
    expect(statements.flatMap(({ Action }) => Action).filter((action) => action.includes('*'))).toEqual([]);
    expect(statements.filter(({ Resource }) => Resource.includes('*')).map(({ Sid }) => Sid)).toEqual(
      statements.filter(({ Sid }) => Sid === 'Lists').map(({ Sid }) => Sid),
    );
  });

  test('does not read or write what tables hold', () => {
    const actions = policy.Statement.flatMap(({ Action }) => Action);
    expect(actions.filter((action) => /^dynamodb:(\w*Item|Query|Scan)$/.test(action))).toEqual([]);
    expect(actions.filter((action) => action.startsWith('secretsmanager:'))).toEqual([]);
  });

  test('a type that no permissions are known of is named', () => {
    expect(() => deployerPolicy([...base, 'AWS::RDS::DBInstance'], permissions)).toThrow('AWS::RDS::DBInstance');
  });

  test('a type whose permissions are known, but whose service has no rule, is named too', () => {
    const more = { ...permissions, types: { ...permissions.types, 'AWS::RDS::DBInstance': ['rds:CreateDBInstance'] } };
    expect(() => deployerPolicy([...base, 'AWS::RDS::DBInstance'], more)).toThrow('AWS::RDS::DBInstance');
  });
});
