declare module 'node-gyp-build' {
  /** Loads the addon of the package at `directory`: from prebuilds/, else from build/Release. */
  function load(directory: string): unknown
  export = load
}
