import { App, Stack } from 'aws-cdk-lib';
import { AiGateway } from 'tollgate';
import config from './tollgate.config.ts';

new AiGateway(new Stack(new App(), 'Minimal'), 'Gateway', { config });
