/** Domain names as messages and DNS have them, and as they are compared. Pure, linear. RFC 6376 §3.5, RFC 8616, RFC 5890 §2.3 */
import { domainToASCII } from 'node:url'

const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
const domainName = new RegExp(`^${label}(?:\\.${label})+$`)
const selectorName = new RegExp(`^${label}(?:\\.${label})*$`)
const ascii = /^[\x00-\x7f]*$/

/** U-labels as A-labels, which DNS has; a label that is none stays as it is. */
export function asciiName(name: string): string {
  return ascii.test(name) ? name : name.split('.').map(asciiLabel).join('.')
}

/**
 * domainToASCII reads the host of a URL: of `evil.test#ü` it takes what is before `#`, `%41` is an A to it, and
 * `１` alone an IPv4 address.
 */
const maybeLabel = /^[\w\-\u0080-\uffff]{1,253}$/

function asciiLabel(text: string): string {
  if (ascii.test(text) || !maybeLabel.test(text)) return text
  const found = domainToASCII(`${text}.x`)
  return found === '' ? text : found.slice(0, -2)
}

export function isDomainName(name: string): boolean {
  return domainName.test(asciiName(name))
}

export function isSelector(name: string): boolean {
  return selectorName.test(asciiName(name))
}

export function isSameName(one: string, other: string): boolean {
  return plainName(one) === plainName(other)
}

/** Whether `name` is `above` or stands below it. */
export function isAtOrBelow(name: string, above: string): boolean {
  return isSameName(name, above) || plainName(name).endsWith(`.${plainName(above)}`)
}

/** As names are compared: A-labels, lower case, without the root's dot. */
export function plainName(name: string): string {
  const plain = asciiName(name.trim()).toLowerCase()
  let end = plain.length
  // Not by a regular expression: dots without an end behind them would cost their square.
  while (plain.charAt(end - 1) === '.') end -= 1
  return plain.slice(0, end)
}
