/** How a client of the AWS SDK reaches a service, from what the configuration says. Pure; loads no SDK. */

export type AwsPlace = {
  readonly region?: string
  readonly endpoint?: string
  /** Without them the SDK's own search: environment, profile, instance role. */
  readonly accessKeyId?: string
  readonly secretAccessKey?: string
}

/** The region an ARN names, if it does. */
export function regionOf(arn: string | undefined): string | undefined {
  const region = arn?.split(':')[3]
  return region === '' ? undefined : region
}

/** `timeoutMs` is for one try. What is not said is as the environment says. */
export function awsSettings(
  { region, endpoint, accessKeyId, secretAccessKey }: AwsPlace,
  { timeoutMs, maxAttempts }: { readonly timeoutMs: number; readonly maxAttempts: number },
) {
  return {
    ...(region === undefined ? {} : { region }),
    maxAttempts,
    requestHandler: {
      requestTimeout: timeoutMs,
      connectionTimeout: 5000,
      throwOnRequestTimeout: true,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
  }
}
