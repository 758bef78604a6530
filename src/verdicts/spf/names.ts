/** Domain names as SPF judges and asks for them. Pure. RFC 7208 §4.3, §4.8, §7.1, §7.3, RFC 8616 §4 */
import { asciiName } from '../names.ts'

export const longestName = 253

const topLabel = /^(?!\d+$)[a-z\d](?:[a-z\d-]*[a-z\d])?$/i

/** §7.1 `toplabel`: letters, digits, hyphens within, and not digits alone. */
export function isTopLabel(label: string): boolean {
  return topLabel.test(label)
}

const top = '(?!\\d+$)[a-z\\d](?:[a-z\\d-]{0,61}[a-z\\d])?$'
const domain = new RegExp(`^(?=.{1,${longestName}}$)(?:[\\w-]{1,63}\\.)+${top}`, 'i')
const target = new RegExp(`^(?=.{1,${longestName}}$)(?:[ -\\-/-~]{1,63}\\.)+${top}`, 'i')

/** §4.3: whether a sender can have it. Underscores, which DNS has, are let through. */
export function isDomain(name: string): boolean {
  return domain.test(name)
}

/** A sender's domain, or a HELO argument: A-labels (RFC 8616 §4), lower case, without the root's dot. */
export function plainDomain(text: string): string {
  const name = asciiName(text).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}

/**
 * The name to ask for that a domain-spec came to; `undefined` when it is malformed (§4.8). One that is too
 * long loses labels from the left (§7.3).
 */
export function targetName(expanded: string): string | undefined {
  const name = expanded.endsWith('.') ? expanded.slice(0, -1) : expanded
  if (name.length <= longestName) return target.test(name) ? name : undefined
  const dot = name.indexOf('.', name.length - longestName - 1)
  const rest = dot < 0 ? '' : name.slice(dot + 1)
  return target.test(rest) ? rest : undefined
}
