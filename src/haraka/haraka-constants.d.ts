/** What Postern uses of `haraka-constants` 1.0.8, which has no types of its own. */
declare module 'haraka-constants' {
  export const cont: number
  export const ok: number
  export const deny: number
  export const denysoft: number
  export const denydisconnect: number
  export const denysoftdisconnect: number
  export const connection: {
    readonly state: {
      readonly CMD: number
      readonly LOOP: number
      readonly DATA: number
      readonly DISCONNECTING: number
    }
  }
}
