/** SES: the prefix, a slash unless it ends with one, the message id; a leading slash stays. Pure. */
export function objectKey(prefix: string | undefined, id: string): string {
  if (prefix === undefined || prefix === '') return id
  return prefix.endsWith('/') ? `${prefix}${id}` : `${prefix}/${id}`
}
