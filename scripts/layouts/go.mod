module premain.test/layouts

go 1.21
