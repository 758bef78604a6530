/**
 * Stands for `../store/dir.ts` in a browser's bundle ("browser" in package.json), so that a bundler
 * looks for no file system.
 */
import { UserError } from '../errors.ts'

export function dirStore(path: string): never {
  throw new UserError(
    `There are no directories here to read ${path} from: use s3Store(), or fetch objects and give them to openMessage().`,
  )
}
