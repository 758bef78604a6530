/**
 * Parts of libraries that are loaded with the rest and never called here: what requires one gets a
 * stand-in instead. To be called before the library is loaded.
 */

/** `path`: as `require` finds it, an absolute one where the package exports no such part. */
export function spare(require: NodeJS.Require, path: string, standIn: object = {}): void {
  const filename = require.resolve(path)
  require.cache[filename] ??= {
    ...{ id: filename, filename, path, paths: [], loaded: true, exports: standIn },
    ...{ children: [], parent: undefined, isPreloading: false, require },
  }
}
