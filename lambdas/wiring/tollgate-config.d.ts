/** What `lib` had checked at synth, put into the bundle by esbuild (lib/gateway-function.ts). */
declare module 'tollgate:config' {
  const deployed: import('../catalogue/deployed-config.ts').DeployedConfig;
  export default deployed;
}
