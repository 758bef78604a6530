/** Domain names as signatures have them. Pure. RFC 6376 §3.5, RFC 8616 */
import { domainToASCII } from 'node:url'

const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const domainName = new RegExp(`^${label}(?:\\.${label})+$`)
const selectorName = new RegExp(`^${label}(?:\\.${label})*$`)

/** U-labels as A-labels, which DNS has; what is no name stays as it is. */
export function asciiName(name: string): string {
  return /[^\x00-\x7f]/.test(name) ? domainToASCII(name) || name : name
}

export function isDomainName(name: string): boolean {
  return domainName.test(asciiName(name))
}

export function isSelector(name: string): boolean {
  return selectorName.test(asciiName(name))
}

export function isSameName(one: string, other: string): boolean {
  return plain(one) === plain(other)
}

/** Whether `name` is `above` or stands below it. */
export function isAtOrBelow(name: string, above: string): boolean {
  return isSameName(name, above) || plain(name).endsWith(`.${plain(above)}`)
}

function plain(name: string): string {
  return asciiName(name).toLowerCase().replace(/\.$/, '')
}
