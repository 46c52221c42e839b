{
  'targets': [
    {
      'target_name': 'premain',
      # One list for node-gyp, CMake and the gate.
      'sources': ['<!@(cat native/sources.txt)'],
      'include_dirs': ['native', '<!(node -p "require(\'node-addon-api\').include_dir")'],
      'defines': ['NAPI_VERSION=8', 'NAPI_DISABLE_CPP_EXCEPTIONS', 'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS', '_GNU_SOURCE'],
      'cflags': ['-Wall', '-Wextra', '-O2', '-fvisibility=hidden'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
      'cflags_cc': ['-std=c++20', '-fno-exceptions', '-fno-rtti'],
      # The binary must load on machines with an older libstdc++.
      'ldflags': ['-static-libstdc++', '-static-libgcc'],
    },
  ],
}
