/** What Postern uses of the parts of mailauth 7.1.0 that have no types, or types that leave out half. */
declare module 'mailauth/lib/tools.js' {
  /** Whether one of `domains` has the organizational domain of `from` by the Public Suffix List. */
  export function getAlignment(
    from: string,
    domains: readonly string[],
  ): { readonly domain: string } | false
}
