/** What Postern uses of the parts of mailauth 7.1.0 that have no types, or types that leave out half. */
declare module 'mailauth/lib/dmarc/verify.js' {
  import type { Resolve } from '../dns/resolver.ts'
  import type { DmarcPolicy } from '../mail/verdict.ts'

  export type Dmarc = {
    readonly status: { readonly result: string; readonly header?: { readonly from?: string } }
    readonly policyDomain?: string
    readonly policy?: DmarcPolicy
    readonly alignment?: {
      readonly spf?: { readonly result?: string | false }
      readonly dkim?: {
        readonly result?: string | false
        readonly strict?: boolean
        readonly underSized?: number
      }
    }
  }
  export function evaluateDmarc(options: {
    readonly headerFrom: readonly string[]
    readonly fromFields: number
    readonly spfDomains: readonly string[]
    readonly dkimDomains: readonly { readonly domain: string; readonly underSized?: number }[]
    readonly resolver: Resolve
    readonly strict: true
  }): Promise<{
    readonly response: Dmarc | false
    /** The domains of valid signatures that are aligned. */
    readonly dkimAligned?: ReadonlySet<string>
    readonly reason?: string
  }>
}

declare module 'mailauth/lib/tools.js' {
  /** Whether one of `domains` has the organizational domain of `from` by the Public Suffix List; or is it, if `strict`. */
  export function getAlignment(
    from: string,
    domains: readonly string[],
    strict?: boolean,
  ): { readonly domain: string } | false
  /** As compared: A-labels, lower case, without the root's dot. */
  export function formatDomain(domain: string): string
}
